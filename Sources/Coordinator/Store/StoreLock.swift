// StoreLock.swift · Coordinator/Store. One coordinator for each store: a lock that the system drops with the process.

internal import Glibc
internal import Wire

/// Held from construction until the value is gone, however the process ends. The file stays and names its last holder, and the
/// last commit that this one has made: a store that has fewer commits than that has lost its log.
struct StoreLock: ~Copyable {
    private let descriptor: CInt
    /// Where the number of the last commit stands in the file, behind the holder's name.
    private let markOffset: Int

    /// - Parameters:
    ///   - store: path of the store, which need not exist yet.
    ///   - holder: names this process to the one that comes second.
    /// - Throws: `locked` with the name of the first holder; `unusable` when the lock file cannot be made.
    init(of store: String, holder: String) throws(StoreError) {
        let path = Self.path(of: store)
        markOffset = holder.utf8.count
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unusable(path: path, reason: systemReason()) }
        // From here on deinit closes the descriptor, also when this throws.
        guard Self.takes(descriptor) else {
            guard errno == EWOULDBLOCK else {
                throw .unusable(path: path, reason: "cannot be locked (\(systemReason()))")
            }
            let name = Self.lines(of: store).first ?? ""
            throw .locked(by: name.isEmpty ? "another coordinator" : name, path: path)
        }
        ftruncate(descriptor, 0)
        unsafe _ = pwrite(descriptor, holder, holder.utf8.count, 0)
    }

    /// Tries for a second: `isHeld` has a lock for a moment, and so has a child of a holder until it has become another program.
    private static func takes(_ descriptor: CInt) -> Bool {
        for _ in 0..<100 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK else { return false }
            usleep(10_000)
        }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    /// The end of a lock file's name, behind that of the store.
    static let ending = ".lock"

    static func path(of store: String) -> String { store + ending }

    /// Leads to the lock file wherever somebody has moved it, for as long as the lock is held.
    var link: String { "/proc/self/fd/\(descriptor)" }

    /// Writes numbers of commits into a lock file, for as long as the lock is held.
    struct Mark {
        fileprivate let descriptor: CInt, offset: Int

        /// Notes that the store has so many commits. It is not synced: after a power cut the file may name an earlier one.
        func note(_ commit: Int) {
            let text = "\ncommit \(commit)\n"
            unsafe _ = pwrite(descriptor, text, text.utf8.count, off_t(offset))
        }
    }

    var mark: Mark { Mark(descriptor: descriptor, offset: markOffset) }

    /// - Returns: the newest commit that a writer has noted; nil where none has, and for a store that was put in its place later, such as
    ///   one from a backup.
    static func notedCommit(of store: String) -> Int? {
        // A writer notes a commit after it has written to the store for the last time, but for its closing.
        guard !Files.isNewer(store, than: path(of: store)) else { return nil }
        return lines(of: store).dropFirst().first.flatMap { $0.hasPrefix("commit ") ? Int($0.dropFirst("commit ".count)) : nil }
    }

    private static func lines(of store: String) -> [String] {
        String(decoding: Files.beginning(of: path(of: store), count: 512) ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Whether a process holds the lock of this store at this moment.
    static func isHeld(of store: String) -> Bool {
        let descriptor = unsafe open(path(of: store), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    deinit { close(descriptor) }
}
