// Environment.swift · Wire/System. Reads environment variables.

internal import Glibc

public enum Environment {
    /// Nil for a variable that is not set, and for one that is empty.
    public static func value(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// Returns the value of a variable that holds a secret and removes it, so that no program started later inherits it. Nil where it is
    /// not set.
    public static func take(_ name: String) -> String? {
        let value = unsafe getenv(name).map { unsafe String(cString: $0) }
        unsafe unsetenv(name)
        return value
    }
}
