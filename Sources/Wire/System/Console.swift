// Console.swift · Wire/System. Standard error, as both programs use it beside their logs.

internal import Glibc

public enum Console {
    /// Takes what a program relies on: descriptors 0 to 2, so that no file that is opened later becomes standard error by accident; and
    /// that a closed end of a pipe is an error of one write, not the end of the process. Call it first.
    public static func prepare() {
        var descriptor: CInt = 0
        repeat { descriptor = unsafe open("/dev/null", O_RDWR) } while (0...STDERR_FILENO).contains(descriptor)
        close(descriptor)
        signal(SIGPIPE, SIG_IGN)
    }

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
