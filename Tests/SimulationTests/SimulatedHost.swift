// SimulatedHost.swift · Tests/SimulationTests. The disk of a host as DataCache gives it: shared by the workers of the host, and as unreliable.

import Vocabulary
import Wire

@testable import regsweep_worker

struct SimulatedHost {
    /// Files that are complete, be their content right or wrong, and files that are being fetched.
    var whole: [Digest: [UInt8]] = [:]
    var parts: [Digest: [UInt8]] = [:]
    /// The worker that fetches each file, by its number.
    private var locks: [Digest: Int] = [:]
    private var ownParts: [Digest: [Int: [UInt8]]] = [:]
    var fullUntil = Instant(sinceStart: .zero)

    /// A process has ended: the system drops its locks.
    mutating func forget(_ worker: Int) { locks = locks.filter { $0.value != worker } }

    mutating func perform(_ command: DataCommand, _ file: Digest, of worker: Int, at now: Instant) -> DataOutcome {
        let isAlone = ownParts[file]?[worker] != nil
        switch command {
        case .look(let alone):
            if let content = whole[file] {
                if Digest(of: content) == file { return .whole }
                whole[file] = nil
                guard locks[file] == nil || locks[file] == worker else { return .busy }
                locks[file] = worker
                return (parts[file] ?? []).isEmpty ? .wrong : .part(parts[file]!.count)
            }
            if alone {
                ownParts[file, default: [:]][worker] = []
                return .part(0)
            }
            guard locks[file] == nil || locks[file] == worker else { return .busy }
            locks[file] = worker
            return .part(parts[file]?.count ?? 0)
        case .write(let bytes, let offset):
            guard now >= fullUntil else { return .failed(reason: "the disk of the cache is full") }
            let content = Array((isAlone ? ownParts[file]![worker]! : parts[file] ?? []).prefix(offset)) + bytes
            if isAlone { ownParts[file]![worker] = content } else { parts[file] = content }
            return .part(content.count)
        case .check:
            let content = isAlone ? ownParts[file]![worker]! : parts[file] ?? []
            guard Digest(of: content) == file else { return perform(.discard, file, of: worker, at: now) }
            whole[file] = content
            if isAlone { ownParts[file]![worker] = nil } else { (parts[file], locks[file]) = (nil, nil) }
            return .whole
        case .discard:
            if isAlone { ownParts[file]![worker] = [] } else { parts[file] = [] }
            return .wrong
        }
    }

    /// Turns a bit of a file over, where there is one.
    mutating func corrupt(_ file: Digest) {
        if whole[file] != nil { whole[file]![0] ^= 1 } else if parts[file]?.isEmpty == false { parts[file]![0] ^= 1 }
    }
}
