// Files.swift · Coordinator/Store, below Repairing. Names of files: which are the same file, a second one, one in place of another.

internal import Glibc

enum Files {
    /// In bytes; nil where there is no such file.
    static func size(of path: String) -> Int? { status(path).map { Int($0.st_size) } }

    /// Whether a file that is there has more names than this.
    static func hasOtherNames(_ path: String) -> Bool { status(path)?.st_nlink ?? 0 > 1 }

    /// Whether both are names of one file that is there.
    static func isSame(_ path: String, _ other: String) -> Bool {
        guard let first = status(path), let second = status(other) else { return false }
        return first.st_ino == second.st_ino && first.st_dev == second.st_dev
    }

    /// Gives a file a second name; one that it has already is as good.
    /// - Throws: `blocked`; also for another file of that name, and where the file system has no second names.
    static func link(_ path: String, as name: String) throws(StoreError) {
        guard unsafe Glibc.link(path, name) != 0 else { return }
        let code = errno
        guard code == EEXIST, isSame(path, name) else { throw failure(name, code) }
    }

    /// In one instant.
    static func move(_ path: String, inPlaceOf other: String) throws(StoreError) {
        guard unsafe rename(path, other) == 0 else { throw failure(other, errno) }
    }

    /// What has been done to the names beside a file outlives a power cut.
    static func sync(directoryOf path: String) {
        let descriptor = unsafe open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status : nil
    }

    private static func failure(_ path: String, _ code: CInt) -> StoreError {
        .blocked(reason: "\(path) cannot be made (\(unsafe String(cString: strerror(code))))")
    }
}
