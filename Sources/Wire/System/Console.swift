// Console.swift · Wire/System. Standard error: what ConsoleLog and the progress display write to.

internal import Glibc

public enum Console {
    /// Prepares the process, before anything else runs: opens descriptors 0 to 2 where they are closed, so that no file opened later
    /// becomes standard error by accident; and ignores SIGPIPE, so that a closed pipe is an error of one write and not the process's end.
    public static func prepare() {
        var descriptor: CInt = 0
        repeat { descriptor = unsafe open("/dev/null", O_RDWR) } while (0...STDERR_FILENO).contains(descriptor)
        close(descriptor)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Writes a text as it is. A standard error that is closed is no error.
    public static func write(_ text: String) { unsafe _ = Glibc.write(STDERR_FILENO, text, text.utf8.count) }

    public static func writeLine(_ text: String) { write(text + "\n") }

    public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Width of the terminal in columns; 80 where there is no terminal.
    public static var width: Int {
        var size = winsize()
        return unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
