// Mailbox.swift · Wire/Sockets. How other threads pass values to the thread that waits in Poller, and wake it.

internal import Glibc
internal import Synchronization

/// Wakes the thread that waits in ``Poller``: a pipe, whose reading end the poller watches and which holds a byte while the signal is set.
public struct WakeSignal: ~Copyable, Sendable {
    let descriptor: CInt
    private let writingEnd: CInt

    /// - Throws: `failed` when the process has no descriptors left.
    public init() throws(SocketError) {
        var ends: [CInt] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw .failed(call: "pipe", reason: systemReason()) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (descriptor, writingEnd) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(writingEnd)
    }

    /// May be called on any thread. The write fails where the pipe is full, and then the signal is set already.
    public func set() {
        var byte: UInt8 = 1
        unsafe _ = write(writingEnd, &byte, 1)
    }

    /// Called by the waiting thread before it looks at what it was woken for: a value that comes after that sets the signal again.
    public func clear() {
        var buffer = [UInt8](repeating: 0, count: 256)
        while unsafe read(descriptor, &buffer, buffer.count) > 0 {}
    }
}

/// A queue of values from any thread to the one that waits in ``Poller``.
public final class Mailbox<Message: Sendable>: Sendable {
    public let wakeSignal: WakeSignal
    private let messages = Mutex<[Message]>([])

    /// - Throws: `failed` when the process has no descriptors left.
    public init() throws(SocketError) { wakeSignal = try WakeSignal() }

    /// May be called on any thread.
    public func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        wakeSignal.set()
    }

    /// Removes all messages and returns them in the order in which they were posted.
    public func takeAll() -> [Message] {
        wakeSignal.clear()
        return messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}
