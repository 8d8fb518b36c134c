// Monitor.swift · Wire/System. A value that several threads change, and for whose changes they wait, with a bound on waiting where one is
// wanted.

internal import Glibc

/// A value under a lock, with a way to wait until it is as somebody wants it.
@safe public final class Monitor<Value: Sendable>: @unchecked Sendable {
    // Unchecked: the value is read and changed only while the lock is held.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    public init(_ value: Value) {
        self.value = value
        unsafe pthread_mutex_init(lock, nil)
        // Timeouts are of the monotonic clock: setting the time of day lengthens no wait.
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(changed, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(lock)
        unsafe changed.deallocate()
        unsafe lock.deallocate()
    }

    /// Changes the value and wakes whoever waits. The closure must not wait for anything.
    @discardableResult public func change<Answer>(_ body: (inout Value) -> Answer) -> Answer {
        unsafe pthread_mutex_lock(lock)
        defer {
            unsafe pthread_cond_broadcast(changed)
            unsafe pthread_mutex_unlock(lock)
        }
        return body(&value)
    }

    /// Waits until the closure gives an answer. It is asked at once and after each change, and may change the value itself.
    /// - Parameter timeout: nil to wait for as long as it takes.
    /// - Returns: nil when the time is up.
    public func wait<Answer>(atMost timeout: Duration? = nil, _ look: (inout Value) -> Answer?) -> Answer? {
        var deadline = timeout.map(Self.time(after:))
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        while true {
            if let answer = look(&value) {
                unsafe pthread_cond_broadcast(changed)
                return answer
            }
            guard deadline != nil else {
                unsafe pthread_cond_wait(changed, lock)
                continue
            }
            guard unsafe pthread_cond_timedwait(changed, lock, &deadline!) == 0 else { return look(&value) }
        }
    }

    /// The time of the monotonic clock after a pause from now.
    private static func time(after pause: Duration) -> timespec {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        let (seconds, attoseconds) = max(pause, .zero).components
        let nanoseconds = now.tv_nsec + Int(attoseconds / 1_000_000_000)
        return timespec(tv_sec: now.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    }
}
