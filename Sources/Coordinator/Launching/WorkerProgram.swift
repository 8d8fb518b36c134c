// WorkerProgram.swift · Coordinator/Launching. The worker program: where it is on this host, and what is copied to others.

internal import Vocabulary
internal import Wire

/// The worker program that ssh hosts get; read when the first of them needs it.
final class WorkerProgram {
    private let path: String
    private var read: WorkerBundle?

    init(path: String) { self.path = path }

    func bundle() throws(SubprocessError) -> WorkerBundle {
        if let read { return read }
        let bundle = try WorkerBundle(reading: path)
        read = bundle
        return bundle
    }

    /// The absolute path of the worker, which is installed in the folder of this program.
    static func pathBesideCoordinator() throws(SubprocessError) -> String {
        let own: String
        do { own = try OutputTarget.destination(ofLink: "/proc/self/exe") } catch { throw .failed(program: "regsweep", reason: "\(error)") }
        let program = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/regsweep-worker"
        guard FileStatus(program) == .file else {
            throw .failed(program: program, reason: "is not there: it belongs beside regsweep; make build makes both")
        }
        return program
    }
}

/// The content of the worker program, as hosts that lack it get it.
struct WorkerBundle: Equatable {
    /// On the coordinator's host.
    var path: String
    /// SHA-256 of the file. It is part of the file's name on other hosts, so that several releases can be there.
    var digest: Digest

    init(path: String, digest: Digest) {
        self.path = path
        self.digest = digest
    }

    init(reading path: String) throws(SubprocessError) {
        do { self.init(path: path, digest: Digest(of: try FileBytes.read(path))) } catch {
            throw .failed(program: path, reason: error.reason)
        }
    }
}
