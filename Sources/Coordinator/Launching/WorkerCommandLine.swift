// WorkerCommandLine.swift · Coordinator/Launching. How `regsweep-worker` is called, by launchers and in lines that a person pastes.

internal import Vocabulary
internal import Wire

struct WorkerCommandLine: Equatable {
    /// Where the worker finds its coordinator.
    enum Coordinator: Equatable {
        /// One on the same host that asks for no key.
        case endpoint(String)
        /// One that is named, with a key, in a file of mode 0600.
        case invitationFile(String)
        case invitationOnStandardInput
        case invitationInEnvironment
    }

    var coordinator: Coordinator
    /// Nil for the worker's own defaults.
    var load: WorkerLoad?

    var arguments: [String] {
        let source =
            switch coordinator {
            case .endpoint(let endpoint): ["--connect", endpoint]
            case .invitationFile(let path): ["--join", path]
            case .invitationOnStandardInput: ["--join", "-"]
            case .invitationInEnvironment: ["--join", "env"]
            }
        return source + (load?.arguments ?? [])
    }

    /// A line for a POSIX shell.
    func line(program: String) -> String { ShellWords.quoted([program] + arguments) }

    /// A line for a POSIX shell that has an invitation, which is secret, in it.
    static func line(program: String, joiningBy invitation: Invitation) -> String {
        "\(Invitation.variable)=\(ShellWords.quoted([invitation.secretText])) "
            + WorkerCommandLine(coordinator: .invitationInEnvironment).line(program: program)
    }
}

/// What one worker process computes at once, and how long it looks for a coordinator that is away.
struct WorkerLoad: Equatable {
    /// A number, or a variable of the shell that starts the worker.
    var slots: String
    var threadsPerTrial: Int
    var orphanTimeout: Duration

    fileprivate var arguments: [String] {
        ["--slots", slots, "--threads-per-trial", "\(threadsPerTrial)", "--orphan-timeout", "\(orphanTimeout.inSeconds)"]
    }
}
