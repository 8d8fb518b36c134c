// Signals.swift · Wire/System. Turns signals into calls of a closure on a thread that waits for them; no code runs in a signal handler.
// Which signals ask a program to end, and which of them count, is the same in both programs and is decided by EndRequests.

internal import Glibc
internal import Synchronization

/// The signals that ask a program which has work to end: the first one drains, the next one ends it at once.
public struct EndRequests: Sendable {
    /// Ctrl-C, `kill`, and a terminal that is closed.
    static let signals = [SIGINT, SIGTERM, SIGHUP]

    private var hasBegun = false

    public init() {}

    /// - Parameter ignored: the signals that whoever started this process has it ignore, as `nohup` does with SIGHUP and the `&` of a
    ///   script with SIGINT.
    /// - Returns: the signals to catch. SIGTERM is always one: it is sent to this process on purpose.
    public static func caught(ignored: Set<CInt>) -> [CInt] { signals.filter { $0 == SIGTERM || !ignored.contains($0) } }

    /// - Returns: whether the signal asks for something. A terminal that is closed asks once, though shell and system each send SIGHUP, also
    ///   after a SIGTERM.
    public mutating func counts(_ signal: CInt) -> Bool {
        defer { hasBegun = true }
        return signal != SIGHUP || !hasBegun
    }
}

/// Blocks the signals that ask for the end and calls the closure for each one that counts, on a thread of its own.
/// Must be called before any other thread is started, since threads inherit the mask of blocked signals.
public func catchEndRequests(_ handle: @escaping @Sendable () -> Void) {
    let ignored = EndRequests.signals.filter { number in
        var action = sigaction()
        // Sound: SIG_IGN is the address 1, which is compared and never called.
        let ignore = unsafe unsafeBitCast(SIG_IGN, to: Int.self)
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == ignore
    }
    let requests = Mutex(EndRequests())
    catchSignals(EndRequests.caught(ignored: Set(ignored))) { signal in
        if requests.withLock({ $0.counts(signal) }) { handle() }
    }
}

private func catchSignals(_ signals: [CInt], _ handle: @escaping @Sendable (CInt) -> Void) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe _ = sigaddset(&set, signal) }
    unsafe _ = pthread_sigmask(SIG_BLOCK, &set, nil)
    let waited = set
    startThread {
        var set = waited
        var number: CInt = 0
        while unsafe sigwait(&set, &number) == 0 { handle(number) }
    }
}
