// KeyRing.swift · Coordinator/Launching. The keys of one results directory: the coordinator's own, and those that it has issued.
// They are files of mode 0600 in a directory of mode 0700; one with a looser mode is refused.

internal import Vocabulary
internal import Wire

/// `keys/coordinator.key` holds one secret, `keys/workers.keys` a line `NAME SECRET` for each worker key.
struct KeyRing {
    /// Nil for keys that are not stored.
    private let directory: String?
    private(set) var coordinator: SecretKey
    private(set) var workers: [String: SecretKey] { didSet { names = Self.names(of: workers) } }
    /// Names by key: each line of a table of workers, or of the log, asks for one.
    private var names: [PublicKey: String] = [:]

    /// Reads the keys, or makes the coordinator's where there is none.
    init(_ directory: String) throws(PrivateFileError) {
        try PrivateFile.makeDirectory(directory)
        self.directory = directory
        if let text = try Self.readIfThere("\(directory)/coordinator.key") {
            guard let key = SecretKey(hexadecimal: text.filter { !$0.isWhitespace }) else {
                throw .failed(
                    path: "\(directory)/coordinator.key", reason: "is not a key: remove the file, and the next start makes a new key")
            }
            coordinator = key
        } else {
            coordinator = .random()
            try PrivateFile.write(coordinator.secretText + "\n", to: "\(directory)/coordinator.key")
        }
        let lines = try Self.readIfThere("\(directory)/workers.keys") ?? ""
        guard let read = Self.parse(lines) else {
            throw .failed(
                path: "\(directory)/workers.keys", reason: "has a line that is not NAME KEY: regsweep keys --rotate replaces all keys")
        }
        workers = read
        names = Self.names(of: read)
    }

    private static func names(of keys: [String: SecretKey]) -> [PublicKey: String] {
        Dictionary(keys.map { ($1.publicKey, $0) }) { first, _ in first }
    }

    /// New keys that no file has: they end with this process. For a directory whose file system lets every user read every file.
    init() { (directory, coordinator, workers) = (nil, .random(), [:]) }

    /// Makes a new key for the coordinator and drops those of workers: earlier invitations stop working. Keys that cannot be read are
    /// replaced as well.
    init(rotating directory: String) throws(PrivateFileError) {
        try PrivateFile.makeDirectory(directory)
        self.directory = directory
        (coordinator, workers) = (.random(), [:])
        try save([:])
        try PrivateFile.write(coordinator.secretText + "\n", to: "\(directory)/coordinator.key")
    }

    private static func readIfThere(_ path: String) throws(PrivateFileError) -> String? {
        do { return try PrivateFile.read(path) } catch {
            guard case .missing = error else { throw error }
            return nil
        }
    }

    /// Nil where a line is not `NAME SECRET`.
    static func parse(_ text: String) -> [String: SecretKey]? {
        var keys: [String: SecretKey] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let key = SecretKey(hexadecimal: words[1]) else { return nil }
            keys[String(words[0])] = key
        }
        return keys
    }

    static func text(of keys: [String: SecretKey]) -> String {
        keys.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.secretText)\n" }.joined()
    }

    /// Whether a text may name a key: one word of 1 to 64 printable ASCII characters.
    static func isName(_ name: String) -> Bool { (1...64).contains(name.utf8.count) && name.utf8.allSatisfy { (33...126).contains($0) } }

    /// The key of that name. Where there is none, one is made and written to the file first.
    mutating func key(for name: String) throws(PrivateFileError) -> SecretKey {
        if let key = workers[name] { return key }
        var grown = workers
        grown[name] = .random()
        try save(grown)
        return grown[name]!
    }

    /// A name that no key has, for an invitation without a name.
    func freeName() -> String {
        var number = 1
        while workers["guest-\(number)"] != nil { number += 1 }
        return "guest-\(number)"
    }

    /// Drops the key of that name.
    /// - Returns: the key, which the socket must not accept any more; nil where there was none.
    mutating func revoke(_ name: String) throws(PrivateFileError) -> PublicKey? {
        guard let key = workers[name] else { return nil }
        var left = workers
        left[name] = nil
        try save(left)
        return key.publicKey
    }

    private mutating func save(_ keys: [String: SecretKey]) throws(PrivateFileError) {
        if let directory { try PrivateFile.write(Self.text(of: keys), to: "\(directory)/workers.keys") }
        workers = keys
    }

    func name(of key: PublicKey) -> String? { names[key] }
}
