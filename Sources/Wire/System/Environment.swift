// Environment.swift · Wire/System. Secrets that come in an environment variable.

internal import Glibc

public enum Environment {
    /// The value of a variable, which no program that is started from here will see. Nil where it is not set.
    public static func take(_ name: String) -> String? {
        let value = unsafe getenv(name).map { unsafe String(cString: $0) }
        unsafe unsetenv(name)
        return value
    }
}
