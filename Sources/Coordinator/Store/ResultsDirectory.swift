// ResultsDirectory.swift · Coordinator/Store. The directory of one sweep: made, checked for room to write, and the socket of its workers.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

/// A results directory and who may write to it.
struct ResultsDirectory {
    let path: String

    /// Makes the directory where there is none.
    init(_ path: String) throws(StoreError) {
        self.path = path
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw .unusable(path: path.isEmpty ? "\"\"" : path, reason: "cannot be made (is its parent a directory that you can write to?)")
        }
        guard unsafe access(path, W_OK | X_OK) == 0 else {
            throw .unusable(path: path, reason: unsafe String(cString: strerror(errno)))
        }
    }

    /// For programs that run elsewhere.
    var absolutePath: String {
        let full = unsafe realpath(path, nil)
        defer { unsafe free(full) }
        return unsafe full.map { unsafe String(cString: $0) } ?? path
    }

    func openForWriting() throws(StoreError) -> ResultStore {
        try ResultStore(writing: "\(path)/store.sqlite", holder: "regsweep process \(getpid()) on \(Host.name)")
    }

    /// The directories of the sweep that a results directory is of: itself, or those of its parts where it has no store of its own.
    static func stores(below directory: String) -> [String] {
        func hasStore(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/store.sqlite") }
        guard !hasStore(directory) else { return [directory] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory))?.sorted() ?? []
        let parts = names.map { "\(directory)/\($0)" }.filter(hasStore)
        // Without any, whoever opens it says so.
        return parts.isEmpty ? [directory] : parts
    }

    /// No error where there is no such file.
    static func remove(_ path: String) { unsafe _ = unlink(path) }

    /// Sockets of coordinators that run, and at times of some that were killed.
    static func socketPaths() throws(StoreError) -> [String] {
        let folder = try privateFolder()
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
    }

    /// Made where there is none.
    /// - Throws: for one that is another's, or that others may write to: whoever listens there could say anything.
    static func privateFolder(_ folder: String = "/tmp/regsweep-\(getuid())") throws(StoreError) -> String {
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw .unusable(path: folder, reason: "\(unsafe String(cString: strerror(errno))); it is for the sockets of local workers")
        }
        var status = stat()
        guard unsafe lstat(folder, &status) == 0, status.st_uid == getuid(), status.st_mode & 0o777 == 0o700,
            status.st_mode & S_IFMT == S_IFDIR
        else {
            throw .unusable(path: folder, reason: "is not a directory of yours alone (chmod 700); it is for the sockets of local workers")
        }
        return folder
    }

    /// Where local workers and commands of the same user connect: the same for every start on this store, so that workers of a coordinator that died find the next
    /// one. In a directory of ours alone, since a path of a socket has at most 107 bytes.
    func socketPath() throws(StoreError) -> String { try Self.socketPath(of: path) }

    static func socketPath(of path: String) throws(StoreError) -> String {
        let full = unsafe realpath(path, nil)
        defer { unsafe free(full) }
        let name = Digest(of: unsafe full.map { unsafe String(cString: $0) } ?? path).description.prefix(16)
        return "\(try privateFolder())/\(name)"
    }
}
