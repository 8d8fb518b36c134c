// StatusCommand.swift · Coordinator/Commands. `regsweep status` and `regsweep explain`: what a sweep is doing, and what became of one trial.
// They read the store and the snapshot beside it, and ask no running program. SweepOverview and TrialExplanation are what they print.

internal import ArgumentParser
internal import FoundationEssentials
internal import Vocabulary
internal import Wire

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what the sweep of a results directory is doing.",
        discussion: "With --trial: why that trial waits, where it runs, or what became of it, and every attempt at it.")

    @Argument(help: "The results directory, such as results/figure4, or the sweep file.", transform: PathText.expanded)
    var directory: String

    @Option(help: "A trial's key, from the column `trial` of results.csv, or its first digits.")
    var trial: String?

    @Flag(help: "Prints it again every two seconds while the sweep runs.")
    var watch = false

    func run() throws {
        try orExit {
            // Once, since a sweep file may be a pipe.
            let results = try ResultsDirectory(meantBy: directory)
            while true {
                let (text, isRunning) = try status(of: results)
                // A terminal is drawn over, so that curves grow in place.
                Console.print(watch && Console.isOutputTerminal ? "\u{1b}[H\u{1b}[2J\(text)" : text)
                guard watch, isRunning, Console.pause(seconds: 2) else { return }
            }
        }
    }

    private func status(of results: ResultsDirectory) throws -> (text: String, isRunning: Bool) {
        let parts = try trial.map { [try Explain.directory(of: $0, below: results, advice: "name one of its parts")] } ?? results.sweeps
        let texts = try parts.map { part in
            let text = try trial.map { try TrialExplanation(of: $0, option: "--trial", in: part).text } ?? SweepOverview(of: part).text
            return parts.count > 1 ? "\(part.path)\n\(text)" : text
        }
        return (texts.joined(separator: "\n"), parts.contains(where: \.isInUse))
    }
}

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says why a trial waits, where it runs, or what became of it; the same as status --trial.")

    @Argument(help: "The trial's key, from the column `trial` of results.csv, or its first digits.")
    var trial: String

    @Option(
        help: "The results directory, or the sweep file. (default: the only directory in results/ that knows the trial)",
        transform: PathText.expanded)
    var out: String?

    func run() throws {
        try orExit {
            let named = try out.map { (path) throws(SpecErrors) in try ResultsDirectory(meantBy: path) }
            let directory = try Self.directory(of: trial, below: named, advice: "name one with --out")
            Console.print(try TrialExplanation(of: trial, option: "trial", in: directory).text)
        }
    }

    /// The directory of the one sweep that knows a trial.
    /// - Parameters:
    ///   - directory: the directory of a sweep, or of a file with parts, which are all looked through; nil for all of results/.
    ///   - advice: what to do where none knows it, or several do.
    fileprivate static func directory(
        of trial: String, below directory: ResultsDirectory?, advice: String
    ) throws -> ResultsDirectory {
        let trial = trial.lowercased(), sweeps = (directory.map { [$0] } ?? ResultsDirectory.all).flatMap(\.sweeps)
        // A store that is named is asked also about a trial of which it knows nothing yet.
        if directory != nil, sweeps.count == 1 { return sweeps[0] }
        var unreadable: StoreError?
        let found = sweeps.filter { directory in
            do throws(StoreError) {
                return try !directory.openForReading().keys(beginningWith: trial, and: Snapshot.read(from: directory)).isEmpty
            } catch {
                if case .foreign = error {} else { unreadable = error }
                return false
            }
        }
        // The trial may be in a store that is damaged.
        if found.isEmpty, let unreadable { throw unreadable }
        guard found.count == 1 else {
            let place = directory?.path ?? ResultsDirectory.parent
            Console.writeLine(
                found.isEmpty
                    ? "no results directory in \(place)/ knows a trial \(trial); \(advice)"
                    : "\(found.map(\.path).joined(separator: ", ")) know a trial \(trial); \(advice)")
            throw ExitCode(2)
        }
        return found[0]
    }
}

extension SweepOverview {
    fileprivate init(of directory: ResultsDirectory) throws {
        let store = try directory.openForReading(), isInUse = directory.isInUse
        var counts = TrialCounts()
        try store.forEachOutcome { _, outcome, _ in counts.count(name: outcome) }
        self.init(state: isInUse ? .opened(counts) : .notRunning(counts), disagreements: try store.disagreements())
        guard isInUse, let snapshot = Snapshot.read(from: directory) else { return }
        state = .running(snapshot)
        age = Files.age(of: directory.status).map {
            SnapshotAge(seconds: $0, isDiskFull: Files.isFull(at: directory.path), stored: counts.total)
        }
    }
}

extension TrialExplanation {
    /// - Parameters:
    ///   - trial: a key, or its first digits.
    ///   - option: where it was given.
    fileprivate init(of trial: String, option: String, in directory: ResultsDirectory) throws {
        let store = try directory.openForReading()
        let snapshot = directory.isInUse ? Snapshot.read(from: directory) : nil
        // A whole key may be that of a trial that nothing has happened to.
        let key =
            try TrialKey(hexadecimal: trial)
            ?? TrialKey(meantBy: trial, option: option) { digits in try store.keys(beginningWith: digits, and: snapshot) }
        self.init(
            key: key, result: try store.result(key), author: try store.author(of: key),
            hasCheckpoint: try store.checkpoint(of: key) != nil, snapshot: snapshot, attempts: try store.attempts(at: key),
            disagreements: try store.disagreements(of: key))
    }
}

extension ResultStore {
    /// Keys of trials that are stored or leased to workers.
    fileprivate func keys(beginningWith digits: String, and snapshot: Snapshot?) throws(StoreError) -> [TrialKey] {
        let leased = snapshot?.leases.flatMap(\.trials).filter { $0.hasPrefix(digits) } ?? []
        return try keys(beginningWith: digits) + leased.compactMap(TrialKey.init(hexadecimal:))
    }
}
