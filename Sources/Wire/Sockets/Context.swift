// Context.swift · Wire/Sockets. libzmq's IO thread and everything that belongs to it; one for each process.

internal import CZeroMQ

/// A ZeroMQ context. Sockets borrow it when they are made and must be gone before it is.
@safe public struct Context: ~Copyable {
    let handle: UnsafeMutableRawPointer

    /// - Throws: `failed` when the process has no descriptors left for the IO thread.
    public init() throws(SocketError) {
        guard let handle = unsafe zmq_ctx_new() else { throw .last("zmq_ctx_new") }
        unsafe self.handle = unsafe handle
    }

    // Returns once all sockets are closed and what they still had to send is sent or past its linger.
    deinit { unsafe _ = zmq_ctx_term(handle) }
}
