// ExportCommand.swift · Coordinator/Commands. `regsweep export`: what a trial was trained to, as a file for other programs.

internal import ArgumentParser
internal import Vocabulary
internal import Wire

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a trained model as a .safetensors file.",
        discussion: "Python reads it with safetensors.numpy.load_file, or with struct and json; Docs/operations.md names the arrays.")

    @Argument(help: "The sweep file that was run, or its results directory.", transform: PathText.expanded)
    var sweep: String

    @Option(help: "The trial: its key, or its beginning, from the column `trial` of results.csv.")
    var model: String

    @Option(
        help: "The file to write. A FIFO or a device is written to as it is, and a symbolic link leads to its file.",
        transform: PathText.expanded)
    var out: String

    @Option(help: "Master seed that was run with --seed, in results/NAME-seed-N.")
    var seed: UInt64?

    func run() throws {
        try orExit {
            let store = try ResultsDirectory(meantBy: sweep, seed: seed).openForReading()
            let key = try TrialKey(meantBy: model, option: "--model") { digits in
                let marks = try store.checkpointMarks().map(\.key).filter { $0.description.hasPrefix(digits) }
                return try store.keys(beginningWith: digits) + marks
            }
            guard let content = try store.model(of: key) else { throw refuse(try reason(key, store)) }
            do throws(FileError) { try OutputFile.write(content, to: out) } catch { throw ReportError(error) }
            Console.writeLine("\(out): the model of trial \(key), \(content.count) bytes")
        }
    }

    private func refuse(_ message: String) -> SpecErrors { SpecErrors(errors: [SpecError(file: "--model", line: nil, message: message)]) }

    /// Why a trial has no model.
    private func reason(_ key: TrialKey, _ store: borrowing ResultStore) throws -> String {
        if let checkpoint = try store.checkpoint(of: key) {
            return "trial \(key) is not done: it is stored up to epoch \(checkpoint.epoch)"
        }
        switch try store.result(key)?.outcome {
        case .diverged: return "trial \(key) diverged and left no model"
        case .failed(let reason): return "trial \(key) failed and left no model: \(reason)"
        default: return "trial \(key) left no model: its problem keeps none, or it is larger than \(Limits.modelBytes >> 20) MiB"
        }
    }
}
