// Console.swift · Wire/System. Standard error: what ConsoleLog and the progress display write to.

internal import Glibc

public enum Console {
    /// 256 KiB: hours of an ordinary log.
    private static let errors = OutputQueue(to: STDERR_FILENO, limit: 1 << 18)
    /// 5 s without any progress: nobody reads what is left, and the process ends without it.
    private static let patience: Duration = .seconds(5)

    /// Prepares the process, before anything else runs: opens descriptors 0 to 2 where they are closed, so that no file opened later
    /// becomes standard error by accident; ignores SIGPIPE, so that a closed pipe is an error of one write and not the process's end; and
    /// has what is printed written out when the process ends.
    public static func prepare() {
        var descriptor: CInt = 0
        repeat { descriptor = unsafe open("/dev/null", O_RDWR) } while (0...STDERR_FILENO).contains(descriptor)
        close(descriptor)
        signal(SIGPIPE, SIG_IGN)
        atexit { Console.finish() }
    }

    /// Writes a text as it is. It is left out where nobody reads it: a closed standard error is no error, and one that stands still holds
    /// nobody up.
    public static func write(_ text: String) { errors.write(text) }

    public static func writeLine(_ text: String) { write(text + "\n") }

    /// Shows a progress bar on a terminal. Where the terminal stands still only the newest bar waits.
    public static func draw(_ bar: String) { errors.draw(bar) }

    /// Waits until what was written is out, for as long as somebody takes it. What is lost here changes no exit code: nothing that a
    /// program would read is written to standard error.
    public static func finish() { errors.finish(patience: patience) }

    public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Width of the terminal in columns; 80 where there is no terminal.
    public static var width: Int {
        var size = winsize()
        return unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
