// Files.swift · Coordinator/Store, before Repairing. What the store asks of the file system beside SQLite: names of files, and their ends.

internal import Glibc
internal import Wire

enum Files {
    /// - Returns: the size in bytes; nil where there is no such file.
    static func size(of path: String) -> Int? { status(path).map { Int($0.st_size) } }

    /// - Returns: seconds since the file was last written to, by the clock of this host; nil where there is no such file.
    static func age(of path: String) -> Double? {
        guard let status = status(path) else { return nil }
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return max(0, Double(now.tv_sec - status.st_mtim.tv_sec) + Double(now.tv_nsec - status.st_mtim.tv_nsec) / 1e9)
    }

    /// Whether a file was written to after another one; false where one of them is not there.
    static func isNewer(_ path: String, than other: String) -> Bool {
        guard let first = status(path)?.st_mtim, let second = status(other)?.st_mtim else { return false }
        return (first.tv_sec, first.tv_nsec) > (second.tv_sec, second.tv_nsec)
    }

    /// Whether the file system of a path has less room than a commit needs: 64 KiB.
    static func isFull(at path: String) -> Bool {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return false }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize) < 64 << 10
    }

    /// - Returns: the first bytes of a file, as many as there are up to this count; nil where it cannot be read.
    static func beginning(of path: String, count: Int) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: count)
        let found = unsafe pread(descriptor, &bytes, count, 0)
        return found < 0 ? nil : Array(bytes.prefix(found))
    }

    /// Whether a store, its log or the log's index is so large that it may grow no further, by the limit of this process (ulimit -f): SQLite
    /// lets them grow by up to 32 KiB at once.
    static func haveReachedLimit(_ store: String) -> Bool {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0, let most = Int(exactly: limit.rlim_cur) else {
            return false
        }
        return ["", "-wal", "-shm"].contains { (size(of: store + $0) ?? 0) + 1 << 15 >= most }
    }

    /// Whether the file has another name beside this one.
    static func hasOtherNames(_ path: String) -> Bool { status(path)?.st_nlink ?? 0 > 1 }

    /// What tells a file from every other one, whatever its name.
    struct Identity: Equatable {
        fileprivate var device: dev_t, number: ino_t
    }

    /// - Returns: nil where there is no such file.
    static func identity(of path: String) -> Identity? { status(path).map { Identity(device: $0.st_dev, number: $0.st_ino) } }

    /// Whether a path leads to another file, or to none. False where the system does not tell, as in a directory that was closed to us.
    static func isGone(_ path: String, _ identity: Identity) -> Bool {
        if let now = Files.identity(of: path) { return now != identity }
        return errno == ENOENT || errno == ENOTDIR
    }

    /// Whether both are names of one file; false where there is none.
    static func isSame(_ path: String, _ other: String) -> Bool {
        guard let first = identity(of: path) else { return false }
        return first == identity(of: other)
    }

    /// Gives a file a second name. Nothing happens where it has that name already.
    /// - Throws: `blocked`, also where another file has that name, and where the file system knows no second names.
    static func link(_ path: String, as name: String) throws(StoreError) {
        guard unsafe Glibc.link(path, name) != 0 else { return }
        let code = errno
        guard code == EEXIST, isSame(path, name) else { throw failure(name, code) }
    }

    /// Nothing happens where there is no such file.
    static func remove(_ path: String) { unsafe _ = unlink(path) }

    /// Renames a file over another one in one step: the other name always leads to one of the two files.
    static func move(_ path: String, inPlaceOf other: String) throws(StoreError) {
        guard unsafe rename(path, other) == 0 else { throw failure(other, errno) }
    }

    /// Makes changes of names in the directory of this file outlive a power cut.
    static func sync(directoryOf path: String) {
        let descriptor = unsafe open(PathText.directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status : nil
    }

    private static func failure(_ path: String, _ code: CInt) -> StoreError {
        .blocked(reason: "\(path) cannot be made (\(systemReason(code)))")
    }
}
