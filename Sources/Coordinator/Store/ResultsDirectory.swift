// ResultsDirectory.swift · Coordinator/Store. The one place that knows what lies where in a results directory, which directory a sweep has,
// and where the socket of its local workers is.

internal import Glibc
internal import Vocabulary
internal import Wire

/// Names of the files of one sweep. Making such a value makes no directory.
struct ResultsDirectory: Equatable {
    let path: String

    init(_ path: String) { self.path = path }

    /// The directory of a sweep for which nobody named one.
    /// - Parameter seed: the master seed of the command line; nil where the one of the sweep file counts.
    init(ofSweep name: String, seed: UInt64?) { path = "\(Self.parent)/\(name)" + (seed.map { "-seed-\($0)" } ?? "") }

    /// Directories of this kind, in the working directory.
    static let parent = "results"

    var store: String { "\(path)/store.sqlite" }
    /// What runs and what waits, while a coordinator runs; see `Snapshot`.
    var status: String { "\(path)/status.json" }
    /// A directory of secrets.
    var keys: String { "\(path)/keys" }
    /// Standard error of the local workers.
    var workersLog: String { "\(path)/workers.log" }

    /// Each part of a sweep file with parts has a directory of its own; any other sweep has this one.
    func directory(of sweep: SweepSpec, in file: SweepList) -> ResultsDirectory { file.figure == nil ? self : part(sweep.name) }

    private func part(_ name: String) -> ResultsDirectory { ResultsDirectory("\(path)/\(name)") }

    // MARK: What exists

    /// True also where the system does not let this user look: whoever opens the store then says why.
    var hasStore: Bool { FileStatus(store) != .missing }

    var hasKeys: Bool { FileStatus(keys) != .missing }

    /// Whether a coordinator, or another program that writes, has the store open.
    var isInUse: Bool { StoreLock.isHeld(of: store) }

    /// This directory, or, where it has no store, those of its parts that have one. Without any it is this directory as well: whoever opens
    /// its store then says that there is none.
    var sweeps: [ResultsDirectory] {
        guard !hasStore else { return [self] }
        let parts = directories.filter(\.hasStore)
        return parts.isEmpty ? [self] : parts
    }

    /// The directories in `parent`, of sweeps and of files with parts.
    static var all: [ResultsDirectory] { ResultsDirectory(parent).directories }

    /// What is in this directory and one itself: tables and figures of a file with parts lie beside its parts.
    private var directories: [ResultsDirectory] {
        FileBytes.names(in: path).map(part).filter { FileStatus($0.path) == .directory }
    }

    /// The absolute path, for programs that run in other directories; the path as it is where there is no such directory.
    var absolutePath: String {
        let full = unsafe realpath(path, nil)
        defer { unsafe free(full) }
        return unsafe full.map { unsafe String(cString: $0) } ?? path
    }

    // MARK: The store

    /// Makes the directory where there is none.
    /// - Throws: `unusable` where it cannot be made or written to.
    func create() throws(StoreError) {
        do { try PathText.makeDirectories(path) } catch {
            throw .unusable(path: path.isEmpty ? "\"\"" : path, reason: "cannot be made (\(error))")
        }
        guard unsafe access(path, W_OK | X_OK) == 0 else { throw .unusable(path: path, reason: systemReason()) }
    }

    /// Removes what killed processes had begun to write: files without their names yet, among them secrets.
    func removeLeftOvers() { for folder in [path, keys] { LeftOver.remove(in: folder) } }

    func openForReading() throws(StoreError) -> ResultStore { try ResultStore(reading: store) }

    func openForWriting() throws(StoreError) -> ResultStore { try ResultStore(writing: store, holder: Self.holder("regsweep")) }

    /// Names this process to another one that finds the store locked.
    static func holder(_ program: String) -> String { "\(program) process \(getpid()) on \(Host.name)" }

    // MARK: Sockets

    /// Names the folders in which all coordinators of a user on this host have their sockets.
    private static let sockets = "regsweep"
    /// Names the socket of this directory, whoever writes its path how.
    private var socketName: String { String(Digest(of: absolutePath).description.prefix(16)) }
    /// Has the path of the socket, for commands that look elsewhere by themselves since they have another environment.
    private var socketRecord: String { "\(path)/socket.path" }

    /// Where local workers and commands of the same user connect. It is the same for every start on this store, so that workers of a
    /// coordinator that was killed find the next one, as long as its folder is there. The path of a socket has at most 107 bytes, so it lies
    /// in another directory than this one. Sockets that killed coordinators left behind are removed.
    func socketPath() throws(PrivateFolderError) -> String {
        for folder in PrivateFolder.existing(Self.sockets) { SocketProbe.removeStale(in: folder) }
        if let path = recordedSocket { return path }
        let path = try PrivateFolder.shared(Self.sockets, for: .sockets(name: socketName.utf8.count)) + "/" + socketName
        // On a full disk commands still look at the usual places.
        try? OutputFile.write(Array(path.utf8), toRegular: socketRecord)
        return path
    }

    /// Where a coordinator that runs on this directory listens for commands; nil where none does.
    var listeningSocket: String? {
        let paths = [recordedSocket].compactMap(\.self) + PrivateFolder.existing(Self.sockets).map { "\($0)/\(socketName)" }
        return paths.first(where: SocketProbe.isListening)
    }

    /// The coordinator of this directory has removed its socket and still has the lock of the store.
    func forgetSocket() { Files.remove(socketRecord) }

    /// Nil also where the folder is gone or is not this user's, and for the record of a directory of which this one is a copy.
    private var recordedSocket: String? {
        guard let path = (try? FileBytes.read(socketRecord)).map({ String(decoding: $0, as: UTF8.self) }), path.hasSuffix("/\(socketName)"),
            PrivateFolder.restore(PathText.directory(of: path))
        else { return nil }
        return path
    }

    /// Where the coordinators of this user on this host listen.
    static var listeningSockets: [String] {
        PrivateFolder.existing(sockets).flatMap { folder in
            FileBytes.names(in: folder).map { "\(folder)/\($0)" }
        }
        .filter(SocketProbe.isListening)
    }
}
