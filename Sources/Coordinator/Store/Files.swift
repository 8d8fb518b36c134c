// Files.swift · Coordinator/Store, before Repairing. What the store asks of the file system beside SQLite: names of files, and their ends.

internal import Glibc

enum Files {
    /// - Returns: the size in bytes; nil where there is no such file.
    static func size(of path: String) -> Int? { status(path).map { Int($0.st_size) } }

    /// Whether the file has another name beside this one.
    static func hasOtherNames(_ path: String) -> Bool { status(path)?.st_nlink ?? 0 > 1 }

    /// Whether both are names of one file; false where there is none.
    static func isSame(_ path: String, _ other: String) -> Bool {
        guard let first = status(path), let second = status(other) else { return false }
        return first.st_ino == second.st_ino && first.st_dev == second.st_dev
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

    /// In one step: the other name always leads to one of the two files.
    static func move(_ path: String, inPlaceOf other: String) throws(StoreError) {
        guard unsafe rename(path, other) == 0 else { throw failure(other, errno) }
    }

    /// Makes changes of names in the directory of this file outlive a power cut.
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
