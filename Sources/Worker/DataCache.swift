// DataCache.swift · Worker, for WorkerLoop. Files of data sets on this host's disk, named by the hashes of their contents: DIR/HASH, and
// DIR/HASH.part while one is fetched. Does what DataFetch decides; each command runs on a thread of its own, since a disk may be slow.

internal import Glibc
internal import Synchronization
internal import Vocabulary
internal import Wire

/// The cache directory of one process. Workers of a host may share the directory: a lock on the part file lets one of them fetch.
final class DataCache: Sendable {
    private let directory: String
    /// Open descriptors by file: for reading where the file is whole, for writing and locked while this process fetches it.
    private let descriptors = Mutex<[Digest: CInt]>([:])

    /// - Parameter directory: made when it is first needed, with mode 0700.
    init(_ directory: String) { self.directory = directory }

    /// The directory when `--cache` is not given: that of the XDG base directory specification, or one below $TMPDIR or /tmp where that cannot
    /// be written to, as in a home that is read-only, and for a user without home.
    static var defaultDirectory: String {
        xdgDirectories(base: Environment.value("XDG_CACHE_HOME"), home: Environment.value("HOME")).first(where: isUsable)
            // Where there is none, making this one tells why.
            ?? (try? PrivateFolder.shared("regsweep-cache", for: .files)) ?? "/tmp/regsweep-cache"
    }

    /// The specification demands that a relative path is ignored.
    static func xdgDirectories(base: String?, home: String?) -> [String] {
        [base.map { $0 + "/regsweep" }, home.map { $0 + "/.cache/regsweep" }].compactMap { $0 }.filter { $0.hasPrefix("/") }
    }

    /// Whether files can be made in a directory, or the directory itself where it is not there yet. Makes nothing.
    static func isUsable(_ path: String) -> Bool {
        var path = path[...]
        while !path.isEmpty, unsafe access(String(path), F_OK) != 0, let end = path.lastIndex(of: "/") { path = path[..<end] }
        var status = stat()
        let existing = path.isEmpty ? "/" : String(path)
        return unsafe stat(existing, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && access(existing, W_OK | X_OK) == 0
    }

    /// Runs one command on a thread of its own.
    /// - Parameter post: called once, on that thread.
    func perform(_ command: DataCommand, _ file: Digest, post: @escaping @Sendable (DataOutcome) -> Void) {
        startThread { [self] in
            do throws(CacheError) { post(try run(command, file)) } catch { post(.failed(reason: error.description)) }
        }
    }

    private func run(_ command: DataCommand, _ file: Digest) throws(CacheError) -> DataOutcome {
        switch command {
        case .look(let alone): return try look(file, alone: alone)
        case .write(let bytes, let offset):
            try write(bytes, at: offset, to: descriptor(of: file))
            return .part(offset + bytes.count)
        case .check:
            guard try digest(of: descriptor(of: file)) == file else { return try discard(file) }
            try publish(file)
            return .whole
        case .discard: return try discard(file)
        }
    }

    /// The whole content of a file.
    /// - Throws: when the file was not found or fetched by this process before, or the disk cannot be read.
    func content(of file: Digest) throws(CacheError) -> [UInt8] {
        let descriptor = try descriptor(of: file)
        var content: [UInt8] = []
        content.reserveCapacity(try status(descriptor).size)
        try read(descriptor) { content += $0 }
        return content
    }

    // MARK: Looking

    private func path(_ file: Digest) -> String { "\(directory)/\(file)" }
    private func part(_ file: Digest) -> String { path(file) + ".part" }
    private func ownPart(_ file: Digest) -> String { "\(part(file)).\(getpid())" }

    private func look(_ file: Digest, alone: Bool) throws(CacheError) -> DataOutcome {
        try makeDirectory()
        removeLeftOvers()
        if let outcome = try lookForWhole(file) { return outcome }
        let name = alone ? ownPart(file) : part(file)
        let descriptor = unsafe open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw error("cannot make \(name)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw error("cannot lock \(name)", code) }
            return .busy
        }
        // The process that held the lock may have renamed the part file between our open and our lock: then ours has no name any more.
        guard try isNamed(descriptor, name) else {
            close(descriptor)
            return .busy
        }
        register(descriptor, for: file)
        return .part(try status(descriptor).size)
    }

    /// Looks for a finished file and verifies its hash. One that is damaged is deleted, and this process tries to fetch it.
    /// - Returns: nil when there is no file.
    private func lookForWhole(_ file: Digest) throws(CacheError) -> DataOutcome? {
        let descriptor = unsafe open(path(file), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw error("cannot open \(path(file))") }
            return nil
        }
        register(descriptor, for: file)
        if try digest(of: descriptor) == file { return .whole }
        unsafe _ = unlink(path(file))
        let outcome = try look(file, alone: false)
        // The file is reported as wrong once, when its fetch starts from nothing; a fetch that another process began goes on.
        if case .part(0) = outcome { return .wrong }
        return outcome
    }

    /// Whether a path still names the open file.
    private func isNamed(_ descriptor: CInt, _ name: String) throws(CacheError) -> Bool {
        var named = stat()
        guard unsafe stat(name, &named) == 0 else { return false }
        return named.st_ino == (try status(descriptor)).number
    }

    /// Removes part files that nobody fetches any more: those of a process of its own that was killed, and any of a file that is whole. One
    /// that all share is left for the next process, which goes on with it.
    private func removeLeftOvers() {
        let names = FileBytes.names(in: directory)
        for name in names {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count > 1, parts[1] == "part", Digest(hexadecimal: parts[0]) != nil,
                parts.count == 3 || names.contains(String(parts[0]))
            else { continue }
            let descriptor = unsafe open("\(directory)/\(name)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unsafe _ = unlink("\(directory)/\(name)") }
            close(descriptor)
        }
    }

    /// Makes the directory and those above it that are missing.
    private func makeDirectory() throws(CacheError) {
        var made = ""
        for name in directory.split(separator: "/") {
            made += (made.isEmpty && !directory.hasPrefix("/") ? "" : "/") + name
            guard unsafe mkdir(made, 0o700) == 0 || errno == EEXIST else { throw error("cannot make \(made)") }
        }
    }

    // MARK: Descriptors

    /// Holds a descriptor for a file, and closes the one that it replaces.
    private func register(_ descriptor: CInt, for file: Digest) {
        let old = descriptors.withLock { $0.updateValue(descriptor, forKey: file) }
        if let old { close(old) }
    }

    private func descriptor(of file: Digest) throws(CacheError) -> CInt {
        guard let descriptor = descriptors.withLock({ $0[file] }) else {
            throw CacheError(description: "data file \(file) is not in \(directory)")
        }
        return descriptor
    }

    private func status(_ descriptor: CInt) throws(CacheError) -> (size: Int, number: ino_t) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw error("cannot read in \(directory)") }
        return (Int(status.st_size), status.st_ino)
    }

    // MARK: Bytes

    private func write(_ bytes: [UInt8], at offset: Int, to descriptor: CInt) throws(CacheError) {
        var done = 0
        while done < bytes.count {
            // Sound: pwrite reads what is left of the array.
            let count = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress! + done, $0.count - done, offset + done) }
            guard count > 0 else { throw error("cannot write data into \(directory)") }
            done += count
        }
    }

    private func read(_ descriptor: CInt, _ body: (ArraySlice<UInt8>) -> Void) throws(CacheError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20), offset = 0
        while true {
            let count = unsafe pread(descriptor, &buffer, buffer.count, offset)
            guard count >= 0 else { throw error("cannot read data in \(directory)") }
            guard count > 0 else { return }
            body(buffer[..<count])
            offset += count
        }
    }

    private func digest(of descriptor: CInt) throws(CacheError) -> Digest {
        var stream = DigestStream()
        try read(descriptor) { stream.add($0) }
        return stream.digest()
    }

    private func discard(_ file: Digest) throws(CacheError) -> DataOutcome {
        guard ftruncate(try descriptor(of: file), 0) == 0 else { throw error("cannot empty \(part(file))") }
        return .wrong
    }

    /// Gives a finished file its name. Where the part file was deleted or replaced meanwhile, no name is given: the open file is whole all
    /// the same, and other processes fetch it for themselves.
    private func publish(_ file: Digest) throws(CacheError) {
        for name in [ownPart(file), part(file)] where try isNamed(descriptor(of: file), name) {
            guard unsafe rename(name, path(file)) == 0 || errno == ENOENT else { throw error("cannot rename \(name)") }
            break
        }
        // Reading needs no lock, and other processes that wait for the lock can go on.
        flock(try descriptor(of: file), LOCK_UN)
    }

    private func error(_ what: String, _ code: CInt = errno) -> CacheError {
        CacheError(
            description:
                "\(what): \(systemReason(code)); XDG_CACHE_HOME, or --cache of regsweep-worker, names another place")
    }
}

/// A failed operation on the cache: the operation, the system's reason and what to do.
struct CacheError: Error, Equatable, CustomStringConvertible { let description: String }
