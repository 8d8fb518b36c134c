// Environment.swift · Wire/System. Reads secrets from environment variables.

internal import Glibc

public enum Environment {
    /// Returns the value of a variable and removes the variable, so that no program started later inherits it. Nil where it is not set.
    public static func take(_ name: String) -> String? {
        let value = unsafe getenv(name).map { unsafe String(cString: $0) }
        unsafe unsetenv(name)
        return value
    }
}
