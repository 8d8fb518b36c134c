// WorkerAuthenticator.swift · Coordinator/Serving, between KeyRing and the socket. Which keys workers may use while a sweep runs: issued,
// named and revoked here.

internal import Vocabulary
internal import Wire

enum InvitationError: Error, CustomStringConvertible {
    case plain

    var description: String {
        "this coordinator listens without keys and for its own host only: run it again without --plain to invite workers of other hosts"
    }
}

extension Invitation {
    /// Warns whoever is about to use an invitation that is `isForThisHostAlone` on another host.
    static let loopbackWarning =
        "this coordinator listens for its own host only: to invite workers of other hosts, run it again with --listen 'tcp://0.0.0.0:*'"
}

/// Used by the thread of the event loop alone.
final class WorkerAuthenticator {
    private var ring: KeyRing?
    private let endpoint: String
    /// Keys that the socket does not accept yet.
    private var new: [IssuedKey]

    struct IssuedKey {
        var key: PublicKey
        /// Whether workers of several hosts have it: those of a Slurm group, as its name says.
        var isShared: Bool

        fileprivate init(_ name: String, _ key: SecretKey) {
            self.key = key.publicKey
            isShared = name.hasPrefix(HostSpec.Kind.slurm.rawValue + ":")
        }
    }

    /// - Parameters:
    ///   - ring: nil for a coordinator without keys.
    ///   - endpoint: where workers on other hosts connect.
    init(_ ring: KeyRing?, endpoint: String) {
        self.ring = ring
        self.endpoint = endpoint
        new = ring?.workers.map { IssuedKey($0.key, $0.value) } ?? []
    }

    /// - Returns: the keys that were issued since the last call; the first call returns those of earlier starts as well.
    func takeNew() -> [IssuedKey] {
        defer { new = [] }
        return new
    }

    /// - Parameter name: of a worker, or of all workers of a host. A name that has a key already keeps it.
    func invitation(_ name: String) throws -> Invitation {
        guard ring != nil else { throw InvitationError.plain }
        let key = try ring!.key(for: name)
        new.append(IssuedKey(name, key))
        return Invitation(endpoint: endpoint, coordinator: ring!.coordinator.publicKey, key: key)
    }

    /// A name that has no key yet; empty for a coordinator without keys.
    func freeName() -> String { ring?.freeName() ?? "" }

    func hasKey(_ name: String) -> Bool { ring?.workers[name] != nil }

    /// - Returns: the key, which the socket must not accept any more; nil where there was none of that name.
    func revoke(_ name: String) throws -> PublicKey? { try ring?.revoke(name) }

    /// - Returns: the name of the peer's key; nil for a peer without one.
    func keyName(of peer: Peer) -> String? { if case .key = peer { name(of: peer) } else { nil } }

    /// - Returns: for people, the name of the peer's key; `local` or `plain` for a peer without one.
    func name(of peer: Peer) -> String {
        guard case .key(let key) = peer else { return "\(peer)" }
        return ring?.name(of: key) ?? "key \("\(key)".prefix(16))…"
    }
}
