// Accepting.swift · Wire/Sockets. Every connection to a ROUTER comes through here before libzmq has it, so that no stranger can take the
// descriptors of the process. UnheardConnections decides who is let in.

public import Glibc
internal import Synchronization
internal import Vocabulary

/// Accepts a connection for libzmq, which finds this function in place of the C library's: a program's own definition comes first.
///
/// libzmq 4.3.4 ends the process where `accept4` on an ipc socket finds no free descriptor, and for other errors that come from outside.
/// Here each of them becomes ECONNABORTED, after which libzmq goes on listening; so does a connection that is not let in.
@c(accept4)
public func acceptConnection(
    _ listener: CInt, _ address: UnsafeMutablePointer<sockaddr>?, _ size: UnsafeMutablePointer<socklen_t>?, _ flags: CInt
) -> CInt {
    let descriptor = unsafe accept(listener, address, size)
    guard descriptor >= 0 else {
        if errno == EMFILE || errno == ENFILE { Accepting.dropConnection(of: listener) }
        if ![EAGAIN, EINTR, EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EFAULT].contains(errno) { errno = ECONNABORTED }
        return -1
    }
    guard Accepting.admit(descriptor, isLocal: Accepting.isLocal(listener)) else {
        close(descriptor)
        errno = ECONNABORTED
        return -1
    }
    if flags & CInt(SOCK_CLOEXEC.rawValue) != 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    if flags & CInt(SOCK_NONBLOCK.rawValue) != 0 { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    return descriptor
}

/// The connections of this process. `admit` and `dropConnection` are called on libzmq's IO thread, the others on the ROUTER's.
enum Accepting {
    private struct State: Sendable {
        var unheard = UnheardConnections()
        var turnedAway = 0
        /// Nothing but a descriptor to give up when there is none left; −1 before the first use.
        var spare: CInt = -1
    }

    private static let state = Mutex(State())

    /// Connections that were ended or not let in, since the last call, because too many had said nothing.
    static func takeTurnedAway() -> Int {
        state.withLock { state in
            defer { state.turnedAway = 0 }
            return state.turnedAway
        }
    }

    /// A frame has come by this connection; −1 where libzmq does not know which.
    static func heard(_ descriptor: CInt) {
        if descriptor >= 0 { state.withLock { $0.unheard.heard(Int(descriptor)) } }
    }

    /// Ends connections that have said nothing yet where all of them have sent more than eight of the largest frames together.
    static func endGreediest() {
        state.withLock { state in
            let ended = state.unheard.takeGreediest(most: 8 * Limits.frameBytes) { connection in
                let descriptor = CInt(connection.descriptor)
                return socketNumber(descriptor) == connection.socket ? received(descriptor) : nil
            }
            for connection in ended { shutdown(CInt(connection.descriptor), CInt(SHUT_RDWR)) }
            state.turnedAway += ended.count
        }
    }

    /// Bytes that have come by a tcp connection, as the kernel counts them; nil where it does not.
    private static func received(_ descriptor: CInt) -> Int? {
        // The C library's tcp_info is older than this field, tcpi_bytes_received: the 17th group of eight bytes of Linux's.
        var fields = [UInt64](repeating: 0, count: 17), size = socklen_t(17 * 8)
        guard unsafe getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &fields, &size) == 0, size == 17 * 8 else { return nil }
        return Int(clamping: fields[16])
    }

    /// Whether only programs of this host can connect, by a path that the file system guards.
    fileprivate static func isLocal(_ listener: CInt) -> Bool { option(SO_DOMAIN, of: listener) == AF_UNIX }

    /// Whether a descriptor is a socket that was accepted, as far as can be told: it does not listen, and it has an address. A listener that
    /// is shut down would make libzmq end the process; a pair of sockets without addresses is somebody else's, under a number given out again.
    static func isConnection(_ descriptor: CInt) -> Bool {
        guard option(SO_ACCEPTCONN, of: descriptor) == 0 else { return false }
        var address = sockaddr_storage(), size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(descriptor, $0, &size) }
        }
        return code == 0 && Int(size) > MemoryLayout<sa_family_t>.size
    }

    fileprivate static func admit(_ descriptor: CInt, isLocal: Bool) -> Bool {
        state.withLock { state in
            if state.spare < 0 { state.spare = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }
            guard !isLocal, let socket = socketNumber(descriptor) else { return true }
            let (isAdmitted, ended) = state.unheard.admit(
                UnheardConnections.Connection(descriptor: Int(descriptor), socket: socket), DescriptorBudget(limit: limit)
            ) { socketNumber(CInt($0.descriptor)) == $0.socket }
            // libzmq closes it on this thread, once it has read its end: no descriptor can have become another's in between.
            for connection in ended { shutdown(CInt(connection.descriptor), CInt(SHUT_RDWR)) }
            state.turnedAway += ended.count + (isAdmitted ? 0 : 1)
            return isAdmitted
        }
    }

    /// Accepts and ends a connection for which there is no descriptor. Otherwise it would wait, and libzmq would look at it without a pause.
    fileprivate static func dropConnection(of listener: CInt) {
        state.withLock { state in
            let code = errno
            if state.spare >= 0 { close(state.spare) }
            let descriptor = accept(listener, nil, nil)
            if descriptor >= 0 { close(descriptor) }
            state.spare = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
            errno = code
        }
    }

    /// The soft limit at this moment: a process may raise it after its start.
    private static var limit: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// The inode of a socket; nil where the descriptor is none.
    private static func socketNumber(_ descriptor: CInt) -> UInt? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        return UInt(status.st_ino)
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0, size = socklen_t(MemoryLayout<CInt>.size)
        return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}
