// Console.swift · Wire/System. Standard error, as both programs use it beside their logs.

internal import Glibc

public enum Console {
    /// Writes a text as it is; an end that is closed is no error.
    public static func write(_ text: String) { unsafe _ = Glibc.write(STDERR_FILENO, text, text.utf8.count) }

    public static func writeLine(_ text: String) { write(text + "\n") }

    public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Columns; 80 where there is no terminal.
    public static var width: Int {
        var size = winsize()
        return unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
