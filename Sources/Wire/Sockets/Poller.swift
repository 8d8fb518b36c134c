// Poller.swift · Wire/Sockets. The one call in each program that waits: for the socket, for the wake signal, or for the time.

internal import CZeroMQ

public enum Poller {
    /// Waits, in the coordinator, until the socket has a frame or a handshake to answer, the wake signal is set or the time is up. A signal ends the wait early, without an error.
    /// - Parameter timeout: rounded up to milliseconds, so that a deadline is past when the call returns because of it; negative is 0.
    public static func wait(
        for socket: borrowing RouterSocket, or wakeSignal: borrowing WakeSignal, atMost timeout: Duration
    ) throws(SocketError) { try unsafe wait(socket.pollHandles, wakeSignal.descriptor, timeout) }

    /// Waits, in a worker, until the socket has a frame, the wake signal is set or the time is up.
    public static func wait(
        for socket: borrowing DealerSocket, or wakeSignal: borrowing WakeSignal, atMost timeout: Duration
    ) throws(SocketError) { try unsafe wait([socket.pollHandle], wakeSignal.descriptor, timeout) }

    /// Waits for the wake signal alone, while a worker has no socket.
    public static func wait(for wakeSignal: borrowing WakeSignal, atMost timeout: Duration) throws(SocketError) {
        try unsafe wait([], wakeSignal.descriptor, timeout)
    }

    private static func wait(_ sockets: [UnsafeMutableRawPointer], _ descriptor: CInt, _ timeout: Duration) throws(SocketError) {
        var items = unsafe [zmq_pollitem_t(socket: nil, fd: descriptor, events: CShort(ZMQ_POLLIN), revents: 0)]
        for index in unsafe sockets.indices {
            unsafe items.append(zmq_pollitem_t(socket: sockets[index], fd: 0, events: CShort(ZMQ_POLLIN), revents: 0))
        }
        let milliseconds = max(0, (timeout + .microseconds(999)).milliseconds)
        if unsafe zmq_poll(&items, CInt(items.count), Int(milliseconds)) < 0, zmq_errno() != EINTR { throw .last("zmq_poll") }
    }
}
