// RunText.swift · Coordinator/Commands, used by SweepRun. What `regsweep run` prints when it starts and ends, beside its progress and tables.

enum RunText {
    /// - Parameters:
    ///   - joinCommand: starts a worker on this host.
    ///   - endpoint: where the coordinator listens for other workers.
    ///   - isPlain: whether it listens without keys.
    static func start(
        _ name: String, remaining: Int, total: Int, joinCommand: String, endpoint: String, isPlain: Bool
    ) -> String {
        let first = "\(name): \(remaining) of \(total) trials to run. This starts one more worker on this host:\n  \(joinCommand)"
        guard !isPlain else { return first }
        let isForThisHostAlone = endpoint.hasPrefix("tcp://127.") || endpoint.hasPrefix("ipc://")
        let others =
            isForThisHostAlone
            ? "for this host alone; --listen 'tcp://0.0.0.0:*' lets workers of other hosts join"
            : "regsweep workers invite prints the line for other hosts"
        return first + "\nlistening at \(endpoint) (\(others))"
    }

    /// - Parameter pipes: words of the command line that name pipes, which are read for good.
    static func interrupted(commandLine: [String], pipes: [String]) -> String {
        guard pipes.isEmpty else {
            return "interrupted: stored results are kept. The same command resumes once it gets anew what it has read from "
                + pipes.joined(separator: " and ")
        }
        return "interrupted: stored results are kept. Resume with:\n  \(ShellWords.quoted(commandLine))"
    }

    /// - Parameter log: the path of the local workers' log.
    static func noWorkers(log: String) -> String {
        """
        no workers: those of this host failed one after the other (\(log) says why), and no other is connected; stored results are kept, \
        and the same command resumes
        """
    }

    /// - Parameter reasons: with how many trials gave each, the most frequent first.
    static func failures(_ count: Int, _ reasons: [(reason: String, count: Int)]) -> String {
        (["\(count) trial\(count == 1 ? "" : "s") failed; --retry failed runs \(count == 1 ? "it" : "them") again:"]
            + reasons.map { "  \($0.count) × \($0.reason)" }).joined(separator: "\n")
    }
}
