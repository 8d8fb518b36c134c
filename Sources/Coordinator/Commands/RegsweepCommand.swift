// RegsweepCommand.swift · Coordinator/Commands, where the program starts: its commands, and the exit codes that scripts read.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Vocabulary
internal import Wire

@main struct RegsweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regsweep",
        abstract: "Trains one small model thousands of times and measures what a regularizer does.",
        discussion: """
            Exit codes of run: 0 all trials are stored · 1 finished with failed trials · 2 bad input · 3 interrupted, the same \
            command resumes · 4 the environment (port, disk, lock, no workers).
            """,
        version: Build.version,
        subcommands: [
            Run.self, Check.self, ReportCommand.self, Status.self, Explain.self, Export.self, WorkersCommand.self, Keys.self, Repair.self,
        ])

    static func main() {
        Console.prepare()
        do {
            let words = CommandLine.arguments.dropFirst()
            if let complaint = PathText.complaintAboutArguments() { throw ValidationError(complaint) }
            if let complaint = CommandNames.complaint(about: words, of: Self.self, called: "regsweep") { throw ValidationError(complaint) }
            var command = try parseAsRoot()
            try command.run()
            Glibc.exit(Console.exitCode(0))
        } catch {
            let code = exitCode(for: error), message = fullMessage(for: error)
            // Help and version are no errors.
            if !message.isEmpty { code.isSuccess ? Console.print(message) : Console.writeLine(message) }
            // The library's own exit code for bad usage is 64; this program's for bad input of any kind is 2.
            Glibc.exit(Console.exitCode(code == .validationFailure ? 2 : code.rawValue))
        }
    }
}

/// What every subcommand that reads a sweep file takes.
struct SweepOptions: ParsableArguments {
    @Option(help: "Master seed instead of the file's.")
    var seed: UInt64?

    @Option(
        help: "Results directory. (default: results/NAME, or results/NAME-seed-N with --seed)", transform: PathText.expanded)
    var out: String?

    @Option(
        help: "Folder with the data set of a sweep that reads one, instead of the file's `data`.", transform: PathText.expanded)
    var data: String?

    @Option(
        help: "Cluster file: where to listen, workers on this host and on others, timing; cluster.example.toml explains it.",
        transform: PathText.expanded)
    var cluster: String?

    /// What the options and the files that they name say together.
    struct Input {
        var list: SweepList
        var cluster: ClusterSpec
        /// The directory of the sweep file; parts have theirs below it.
        var directory: ResultsDirectory
        /// Files of the data set by hash; none for sweeps that read none.
        var data: [Digest: [UInt8]]
    }

    /// - Parameter sweep: path of the sweep file.
    func load(_ sweep: String) throws(SpecErrors) -> Input {
        var list = try SweepList.load(path: sweep, seed: seed)
        var files: [Digest: [UInt8]] = [:]
        for index in list.sweeps.indices { files.merge(try list.sweeps[index].readData(folder: data, sweep)) { first, _ in first } }
        let directory = out.map(ResultsDirectory.init) ?? ResultsDirectory(ofSweep: list.name, seed: seed)
        return Input(list: list, cluster: try clusterSpec(), directory: directory, data: files)
    }

    func clusterSpec() throws(SpecErrors) -> ClusterSpec {
        try cluster.map { (path) throws(SpecErrors) in try ClusterSpec.load(path: path) } ?? ClusterSpec()
    }
}

/// Maps what can go wrong to a line and an exit code.
/// - Parameter hasOut: whether --out of this command names another results directory, where the work may be done as well.
func orExit<T>(hasOut: Bool = false, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as ExitCode { throw error } catch let error as SpecErrors {
        Console.writeLine("\(error)")
        throw ExitCode(2)
    } catch {
        let isOfDirectory = (error as? StoreError)?.isOfThisDirectoryAlone == true
        Console.writeLine("\(error)" + (hasOut && isOfDirectory ? "; --out names another results directory" : ""))
        throw ExitCode(4)
    }
}
