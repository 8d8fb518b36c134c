// Doorkeeper.swift · Coordinator/Serving, between KeyRing and the socket. Which keys may come in while a sweep runs, and by what name.

internal import Vocabulary
internal import Wire

enum InvitationError: Error, CustomStringConvertible {
    case plain

    var description: String { "this coordinator listens without keys, on its own host only: start it without --plain to invite others" }
}

extension Invitation {
    /// For whoever takes one that is `isForThisHostAlone` to another host.
    static let loopbackWarning =
        "this coordinator listens on its own host alone: for others, Ctrl-C and run it again with --listen 'tcp://0.0.0.0:*'"
}

/// Only for the loop's thread.
final class Doorkeeper {
    private var ring: KeyRing?
    private let endpoint: String
    /// Keys that the socket has not been told of.
    private var new: [PublicKey]

    /// - Parameters:
    ///   - ring: nil for a coordinator without keys.
    ///   - endpoint: where workers on other hosts find it.
    init(_ ring: KeyRing?, endpoint: String) {
        self.ring = ring
        self.endpoint = endpoint
        new = ring?.workers.values.map(\.publicKey) ?? []
    }

    func takeNew() -> [PublicKey] {
        defer { new = [] }
        return new
    }

    /// For a worker, or the workers of a host, of that name; the same key as before where it has one.
    func invitation(_ name: String) throws -> Invitation {
        guard ring != nil else { throw InvitationError.plain }
        let key = try ring!.key(for: name)
        new.append(key.publicKey)
        return Invitation(endpoint: endpoint, coordinator: ring!.coordinator.publicKey, key: key)
    }

    func freeName() -> String { ring?.freeName() ?? "" }

    func hasKey(_ name: String) -> Bool { ring?.workers[name] != nil }

    /// - Returns: the key that counts no more, nil where there was none of that name.
    func revoke(_ name: String) throws -> PublicKey? { try ring?.revoke(name) }

    /// For people: the name of a key, `local` or `plain` for who has none.
    func name(of peer: Peer) -> String {
        guard case .key(let key) = peer else { return "\(peer)" }
        return ring?.name(of: key) ?? "key \("\(key)".prefix(16))…"
    }
}
