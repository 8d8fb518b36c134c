// Signals.swift · Wire/System. Signals as letters: one thread waits for them and posts, so no code runs inside a handler.

internal import Glibc

/// From now on the signals do not end the process: the closure hears of each, on a thread of its own.
/// Call it before any other thread is started, since threads inherit what is blocked.
public func catchSignals(_ signals: [CInt], _ heard: @escaping @Sendable (CInt) -> Void) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe _ = sigaddset(&set, signal) }
    unsafe _ = pthread_sigmask(SIG_BLOCK, &set, nil)
    let waited = set
    startThread {
        var set = waited
        var number: CInt = 0
        while unsafe sigwait(&set, &number) == 0 { heard(number) }
    }
}
