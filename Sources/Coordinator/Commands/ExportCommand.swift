// ExportCommand.swift · Coordinator/Commands. `regsweep export`: what a trial was trained to, as a file for other programs.

internal import ArgumentParser
internal import FoundationEssentials
internal import Vocabulary
internal import Wire

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a trained model as a .safetensors file.",
        discussion: "Python reads it with safetensors.numpy.load_file, or with struct and json; Docs/operations.md names the arrays.")

    @Argument(help: "The sweep file that was run, or its results directory.")
    var sweep: String

    @Option(help: "The trial: its key, or its beginning, from the column `trial` of results.csv.")
    var model: String

    @Option(help: "The file to write.")
    var out: String

    @Option(help: "Master seed that was run with --seed, in results/NAME-seed-N.")
    var seed: UInt64?

    func run() throws {
        try orExit {
            let store = try directory().openForReading()
            let key = try trial(in: store)
            guard let content = try store.model(of: key) else { throw refuse(try reason(key, store)) }
            do { try Data(content).write(to: URL(filePath: out), options: .atomic) } catch {
                throw ReportError.cannotWrite(path: out, reason: "is its folder there, and may you write to it?")
            }
            Console.writeLine("\(out): the model of trial \(key), \(content.count) bytes")
        }
    }

    private func directory() throws(SpecErrors) -> ResultsDirectory {
        var isDirectory = false
        if FileManager.default.fileExists(atPath: sweep, isDirectory: &isDirectory), isDirectory { return ResultsDirectory(sweep) }
        return ResultsDirectory(ofSweep: try SweepList.load(path: sweep, seed: seed).name, seed: seed)
    }

    private func refuse(_ message: String) -> SpecErrors { SpecErrors(errors: [SpecError(file: "--model", line: nil, message: message)]) }

    /// The one trial whose key begins so.
    private func trial(in store: borrowing ResultStore) throws -> TrialKey {
        let beginning = model.lowercased()
        guard !beginning.isEmpty, beginning.count <= 2 * TrialKey.byteCount, beginning.allSatisfy(\.isHexDigit) else {
            throw refuse("found \"\(model)\", allowed is a trial's key or its beginning, hexadecimal digits")
        }
        var found: [TrialKey] = []
        try store.forEachOutcome { key, _, _ in if key.description.hasPrefix(beginning) { found.append(key) } }
        for mark in try store.checkpointMarks() where mark.key.description.hasPrefix(beginning) && !found.contains(mark.key) {
            found.append(mark.key)
        }
        guard let key = found.first else { throw refuse("no stored trial's key begins with \(model)") }
        guard found.count == 1 else { throw refuse("\(found.count) stored trials have keys that begin with \(model): give more of it") }
        return key
    }

    private func reason(_ key: TrialKey, _ store: borrowing ResultStore) throws -> String {
        if let checkpoint = try store.checkpoint(of: key) { return "trial \(key) is at epoch \(checkpoint.epoch) and not done" }
        switch try store.result(key)?.outcome {
        case .diverged: return "trial \(key) diverged and left no model"
        case .failed(let reason): return "trial \(key) failed and left no model: \(reason)"
        default: return "trial \(key) left no model: its problem keeps none, or it is larger than \(Limits.modelBytes >> 20) MiB"
        }
    }
}
