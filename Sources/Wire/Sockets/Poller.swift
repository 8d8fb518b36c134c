// Poller.swift · Wire/Sockets. The one call in each program that waits: for the socket, for the doorbell, or for the time.

internal import CZeroMQ

public enum Poller {
    /// Waits until the socket has a frame or a handshake to answer, the doorbell rings or the time is up. A signal ends the wait early, without an error.
    /// - Parameter timeout: rounded up to milliseconds, so that a deadline is past when the call returns because of it; negative is 0.
    public static func wait(
        for socket: borrowing RouterSocket, or doorbell: borrowing Doorbell, atMost timeout: Duration
    ) throws(SocketError) { try unsafe wait(socket.pollHandles, doorbell.descriptor, timeout) }

    /// As above, for a worker.
    public static func wait(
        for socket: borrowing DealerSocket, or doorbell: borrowing Doorbell, atMost timeout: Duration
    ) throws(SocketError) { try unsafe wait([socket.pollHandle], doorbell.descriptor, timeout) }

    /// Waits for the doorbell alone, while a worker has no socket.
    public static func wait(for doorbell: borrowing Doorbell, atMost timeout: Duration) throws(SocketError) {
        try unsafe wait([], doorbell.descriptor, timeout)
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
