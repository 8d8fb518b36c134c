// Console.swift · Wire/System. Standard output, where commands print, and standard error: what ConsoleLog and the progress display write to.

internal import Glibc
internal import Synchronization

public enum Console {
    /// errno of the first write to standard output that failed; 0 while none has.
    private static let outputError = Atomic<CInt>(0)
    /// Standard output after `printInBackground`. 16 MiB: every table of a sweep.
    private static let output = OutputQueue(to: STDOUT_FILENO, limit: 1 << 24)
    private static let isInBackground = Atomic(false)
    /// 256 KiB: hours of an ordinary log.
    private static let errors = OutputQueue(to: STDERR_FILENO, limit: 1 << 18)
    /// 5 s without any progress: nobody reads what is left, and the process ends without it.
    private static let patience: Duration = .seconds(5)

    /// Prepares the process, before anything else runs: opens descriptors 0 to 2 where they are closed, so that no file opened later
    /// becomes standard error by accident; ignores SIGPIPE and SIGXFSZ, so that a closed pipe and a limit of file sizes are errors of one
    /// write and not the process's end; and has what is printed written out when the process ends.
    public static func prepare() {
        // open gives the lowest descriptor that is free. A standard output that was closed stays one that nothing can be written to.
        for (descriptor, mode) in [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            unsafe _ = open("/dev/null", mode)
        }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        atexit { Console.finish() }
    }

    // MARK: Standard output

    /// From now on a standard output that nobody reads holds up nobody: a thread of its own writes it, and the end of the process waits for
    /// it as it does for standard error. For a program that has more to do than to print.
    public static func printInBackground() { isInBackground.store(true, ordering: .relaxed) }

    /// Prints a text on standard output. After the first failure nothing more is written, and ``exitCode(_:)`` tells of it.
    public static func print(_ text: String = "", terminator: String = "\n") {
        guard outputError.load(ordering: .relaxed) == 0 else { return }
        guard !isInBackground.load(ordering: .relaxed) else { return output.write(text + terminator) }
        let code = FileBytes.write(Array((text + terminator).utf8), to: STDOUT_FILENO)
        if code != 0 { outputError.store(code, ordering: .relaxed) }
    }

    /// Waits, and returns at once when nobody is left to read what is printed.
    /// - Returns: whether printing more may be of use.
    public static func pause(seconds: Int) -> Bool {
        var entry = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        let deadline = ContinuousClock.now + .seconds(seconds)
        while outputError.load(ordering: .relaxed) == 0, case let left = deadline - .now, left > .zero {
            // A pipe without a reader and a terminal that hung up report POLLERR or POLLHUP, which need not be asked for.
            if unsafe poll(&entry, 1, CInt(left / .milliseconds(1)) + 1) > 0 { return false }
        }
        return outputError.load(ordering: .relaxed) == 0
    }

    /// The code with which a program ends that would end with `code`: 4 in place of 0 where not all that it printed could be written. The
    /// reason is a line on standard error, except for a pipe whose reader has gone, which is how `| head` ends a program. For a program that
    /// prints in the background the code tells of its work: what a terminal that stands still does not show, or a reader that has gone does
    /// not want, is lost to no program and changes nothing.
    public static func exitCode(_ code: Int32) -> Int32 {
        if isInBackground.load(ordering: .relaxed) {
            let isWritten = output.finish(patience: patience), error = output.error
            let isLost = error != 0 ? error != EPIPE : !isWritten && !isOutputTerminal
            outputError.store(isLost ? (error != 0 ? error : ETIMEDOUT) : 0, ordering: .relaxed)
        }
        let reason = outputError.load(ordering: .relaxed)
        guard reason != 0 else { return code }
        if reason == ETIMEDOUT {
            writeLine("standard output was not read for \(patience.components.seconds) s, and what is left of it is lost")
        } else if reason != EPIPE {
            writeLine("standard output cannot be written: \(systemReason(reason))")
        }
        return code == 0 ? 4 : code
    }

    public static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    // MARK: Standard error

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
