// DataCache.swift · Worker, beside WorkerLoop. Files of data sets on this host's disk, under the hashes of their contents: DIR/HASH, and
// DIR/HASH.part while one is fetched. Does what DataFetch decides; each command runs on a thread of its own, for a disk may be slow.

internal import Glibc
internal import Synchronization
internal import Vocabulary
internal import Wire

final class DataCache: Sendable {
    private let directory: String
    /// Of files that are here, open to be read; of those that this process fetches, open and locked to be written.
    private let descriptors = Mutex<[Digest: CInt]>([:])

    /// - Parameter directory: made when it is first needed, for its owner alone.
    init(_ directory: String) { self.directory = directory }

    /// Where it is when nobody says: beside other programs' caches, as the XDG base directory specification has it.
    static var defaultDirectory: String {
        func value(_ name: String) -> String { unsafe getenv(name).map { unsafe String(cString: $0) } ?? "" }
        let base = value("XDG_CACHE_HOME"), home = value("HOME")
        // The specification says that a relative path is to be ignored.
        if base.hasPrefix("/") { return base + "/regsweep" }
        if home.hasPrefix("/") { return home + "/.cache/regsweep" }
        return "/tmp/regsweep-\(getuid())-cache"
    }

    /// - Parameter post: called once, on another thread.
    func perform(_ command: DataCommand, _ file: Digest, post: @escaping @Sendable (DataNews) -> Void) {
        startThread { [self] in
            do throws(CacheError) { post(try run(command, file)) } catch { post(.failed(reason: error.description)) }
        }
    }

    private func run(_ command: DataCommand, _ file: Digest) throws(CacheError) -> DataNews {
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

    /// The whole content of a file that is here.
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

    private func look(_ file: Digest, alone: Bool) throws(CacheError) -> DataNews {
        try makeDirectory()
        if let news = try lookForWhole(file) { return news }
        let name = alone ? ownPart(file) : part(file)
        let descriptor = unsafe open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw error("cannot make \(name)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw error("cannot lock \(name)", code) }
            return .busy
        }
        // Whoever had the lock may have given the file its name between our look and our lock: then ours is a file without a name.
        guard try isNamed(descriptor, name) else {
            close(descriptor)
            return .busy
        }
        keep(descriptor, for: file)
        return .part(try status(descriptor).size)
    }

    /// - Returns: nil when there is none.
    private func lookForWhole(_ file: Digest) throws(CacheError) -> DataNews? {
        let descriptor = unsafe open(path(file), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw error("cannot open \(path(file))") }
            return nil
        }
        keep(descriptor, for: file)
        if try digest(of: descriptor) == file { return .whole }
        unsafe _ = unlink(path(file))
        let news = try look(file, alone: false)
        // What is fetched by now begins anew or goes on; that the copy was wrong is said once.
        if case .part(0) = news { return .wrong }
        return news
    }

    private func isNamed(_ descriptor: CInt, _ name: String) throws(CacheError) -> Bool {
        var named = stat()
        guard unsafe stat(name, &named) == 0 else { return false }
        return named.st_ino == (try status(descriptor)).number
    }

    private func makeDirectory() throws(CacheError) {
        var made = ""
        for name in directory.split(separator: "/") {
            made += (made.isEmpty && !directory.hasPrefix("/") ? "" : "/") + name
            guard unsafe mkdir(made, 0o700) == 0 || errno == EEXIST else { throw error("cannot make \(made)") }
        }
    }

    // MARK: Descriptors

    private func keep(_ descriptor: CInt, for file: Digest) {
        let old = descriptors.withLock { $0.updateValue(descriptor, forKey: file) }
        if let old { close(old) }
    }

    private func descriptor(of file: Digest) throws(CacheError) -> CInt {
        guard let descriptor = descriptors.withLock({ $0[file] }) else {
            throw CacheError(description: "data \(file) is not in \(directory)")
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

    private func discard(_ file: Digest) throws(CacheError) -> DataNews {
        guard ftruncate(try descriptor(of: file), 0) == 0 else { throw error("cannot empty \(part(file))") }
        return .wrong
    }

    /// Where somebody has removed the name meanwhile, or another process has begun a file of that name, what is open here is whole all the
    /// same; others fetch it for themselves.
    private func publish(_ file: Digest) throws(CacheError) {
        for name in [ownPart(file), part(file)] where try isNamed(descriptor(of: file), name) {
            guard unsafe rename(name, path(file)) == 0 || errno == ENOENT else { throw error("cannot rename \(name)") }
            break
        }
        // Others of this host that wait for it look again; reading needs no lock.
        flock(try descriptor(of: file), LOCK_UN)
    }

    private func error(_ what: String, _ code: CInt = errno) -> CacheError {
        CacheError(description: "\(what): \(unsafe String(cString: strerror(code))); --cache names another directory")
    }
}

/// What the disk refuses, for people.
struct CacheError: Error, Equatable, CustomStringConvertible { let description: String }
