// Context.swift · Wire/Sockets. libzmq's IO thread and everything that belongs to it; one for each process.

internal import CZeroMQ

/// A ZeroMQ context. Every socket keeps its context alive, so it ends after the last of them: libzmq waits for ever otherwise.
@safe public final class Context: @unchecked Sendable {
    // Unchecked: libzmq's contexts are the one thing of it that any thread may use.
    let handle: UnsafeMutableRawPointer

    /// - Throws: `failed` when the process has no descriptors left for the IO thread.
    public init() throws(SocketError) {
        guard let handle = unsafe zmq_ctx_new() else { throw .last("zmq_ctx_new") }
        unsafe self.handle = unsafe handle
    }

    // Returns once what the sockets still had to send is sent or past its linger.
    deinit { unsafe _ = zmq_ctx_term(handle) }
}
