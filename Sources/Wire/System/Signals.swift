// Signals.swift · Wire/System. Turns signals into calls of a closure on a thread that waits for them; no code runs in a signal handler.

internal import Glibc

/// Blocks the signals for the whole process and calls the closure for each that comes, on a thread of its own.
/// Must be called before any other thread is started, since threads inherit the mask of blocked signals.
public func catchSignals(_ signals: [CInt], _ handle: @escaping @Sendable (CInt) -> Void) {
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
