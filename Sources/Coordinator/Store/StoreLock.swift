// StoreLock.swift · Coordinator/Store. One coordinator for each store: a lock that the system drops with the process.

internal import Glibc

/// Held from construction until the value is gone, however the process ends. The file stays and names its last holder.
struct StoreLock: ~Copyable {
    private let descriptor: CInt

    /// - Parameters:
    ///   - store: path of the store, which need not exist yet.
    ///   - holder: names this process to the one that comes second.
    /// - Throws: `locked` with the name of the first holder; `unusable` when the lock file cannot be made.
    init(of store: String, holder: String) throws(StoreError) {
        let path = Self.path(of: store)
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unusable(path: path, reason: unsafe String(cString: strerror(errno))) }
        // From here on deinit closes the descriptor, also when this throws.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else {
                throw .unusable(path: path, reason: "cannot be locked (\(unsafe String(cString: strerror(errno))))")
            }
            var buffer = [UInt8](repeating: 0, count: 256)
            let count = unsafe max(0, pread(descriptor, &buffer, buffer.count, 0))
            let name = String(decoding: buffer.prefix(count), as: UTF8.self)
            throw .locked(by: name.isEmpty ? "another coordinator" : name, path: path)
        }
        ftruncate(descriptor, 0)
        unsafe _ = pwrite(descriptor, holder, holder.utf8.count, 0)
    }

    /// The end of a lock file's name, behind that of the store.
    static let ending = ".lock"

    static func path(of store: String) -> String { store + ending }

    /// Leads to the lock file wherever somebody has moved it, for as long as the lock is held.
    var link: String { "/proc/self/fd/\(descriptor)" }

    /// Whether a process holds the lock of this store at this moment.
    static func isHeld(of store: String) -> Bool {
        let descriptor = unsafe open(path(of: store), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    deinit { close(descriptor) }
}
