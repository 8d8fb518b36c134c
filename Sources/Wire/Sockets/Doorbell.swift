// Doorbell.swift · Wire/Sockets. How another thread wakes the one that waits in Poller: a value in a mailbox, a byte in a pipe.

internal import Glibc
internal import Synchronization

/// A pipe whose reading end a poller watches.
public struct Doorbell: ~Copyable, Sendable {
    let descriptor: CInt
    private let ring: CInt

    public init() throws(SocketError) {
        var ends: [CInt] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw .failed(call: "pipe", reason: unsafe String(cString: strerror(errno))) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (descriptor, ring) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(ring)
    }

    /// Safe on any thread. A pipe that is full is a bell that rings already.
    public func press() {
        var byte: UInt8 = 1
        unsafe _ = write(ring, &byte, 1)
    }

    /// Silences the bell; called before the mailbox is emptied, so that no letter is missed.
    public func clear() {
        var buffer = [UInt8](repeating: 0, count: 256)
        while unsafe read(descriptor, &buffer, buffer.count) > 0 {}
    }
}

/// Values from any thread to the one that waits.
public final class Mailbox<Letter: Sendable>: Sendable {
    public let doorbell: Doorbell
    private let letters = Mutex<[Letter]>([])

    public init() throws(SocketError) { doorbell = try Doorbell() }

    public func post(_ letter: Letter) {
        letters.withLock { $0.append(letter) }
        doorbell.press()
    }

    /// All letters in the order of their posting.
    public func empty() -> [Letter] {
        doorbell.clear()
        return letters.withLock { letters in
            defer { letters = [] }
            return letters
        }
    }
}
