// Context.swift · Wire/Sockets. libzmq's IO thread and the sockets that it serves; a process has one.

internal import CZeroMQ

/// A ZeroMQ context. Every socket holds a reference to its context, so the context ends after the last of them; in the other order
/// libzmq would wait for ever.
@safe public final class Context: @unchecked Sendable {
    // Unchecked: of libzmq's objects, only a context may be used on any thread.
    let handle: UnsafeMutableRawPointer

    /// - Throws: `failed` when the process has no descriptors left for the IO thread, and where it may start no further threads: libzmq
    ///   starts two with the first socket, and aborts where it cannot.
    public init() throws(SocketError) {
        do { try tryThreads(3) } catch { throw .failed(call: "ZeroMQ", reason: "\(error)") }
        guard let handle = unsafe zmq_ctx_new() else { throw .last("zmq_ctx_new") }
        unsafe self.handle = unsafe handle
    }

    // Returns once the sockets' unsent frames are sent or their linger time is over.
    deinit { unsafe _ = zmq_ctx_term(handle) }
}
