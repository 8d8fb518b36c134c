// TrialFiles.swift · Worker, between Compute and Wire. Checkpoints and models as safetensors files (Docs/protocol.md), which people can
// open with common tools.

internal import Compute
internal import Vocabulary
internal import Wire

extension Checkpoint {
    /// The checkpoint of a training state.
    /// - Parameter tensors: the arrays that make up the parameters, in order.
    /// - Returns: nil when its content would have more than `Limits.modelBytes`.
    init?(_ checkpoint: TrainingState, of key: TrialKey, tensors: [Tensor]) {
        guard TrialFile.fits(tensors) else { return nil }
        let content = TrialFile.checkpoint(checkpoint, of: key, tensors).bytes
        guard content.count <= Limits.modelBytes else { return nil }
        self.init(key: key, epoch: checkpoint.epochs, content: content)
    }

    /// The state from which the trial is resumed.
    /// - Throws: for a checkpoint that is damaged, belongs to another trial, or differs in form from what this build would have written.
    func opened(for key: TrialKey, tensors: [Tensor]) throws(TranslationError) -> TrainingState {
        func refuse(_ reason: String) -> TranslationError {
            TranslationError(description: "its checkpoint after epoch \(epoch) \(reason)")
        }
        guard self.key == key else { throw refuse("is of trial \(self.key)") }
        guard isIntact else { throw refuse("does not match its hash") }
        guard content.count >= 8 else { throw refuse("is cut off") }
        let length = Safetensors.number(content[..<8])
        guard length <= UInt64(content.count - 8) else { throw refuse("is cut off") }
        let start = 8 + Int(length)
        // The names of the series come from the header, and the length of the curve from the size of the content. Both determine the only
        // header that is allowed, which is compared at the end.
        let names = TrialFile.seriesNames(inHeader: content[8..<start])
        let count = tensors.reduce(0) { $0 + $1.count }
        let curveBytes = content.count - start - 4 * count, perPoint = 8 * (3 + names.count)
        guard curveBytes >= 0, curveBytes.isMultiple(of: perPoint) else {
            throw refuse("has \(content.count - start) bytes of values, which fit no curve")
        }
        let points = curveBytes / perPoint, end = start + curveBytes
        let columns = Safetensors.doubles(content[start..<end]), parameters = Safetensors.floats(content[end...])
        guard columns.allSatisfy(\.isFinite) else { throw refuse("has a loss that is not finite") }
        let checkpoint = TrainingState(
            epochs: epoch, parameters: parameters,
            curve: (0..<points).map { point in
                CurvePoint(
                    epoch: Int(exactly: columns[3 * point]) ?? -1, trainLoss: columns[3 * point + 1], testLoss: columns[3 * point + 2])
            },
            series: names.enumerated().map { index, name in
                Series(name: name, values: Array(columns[(3 + index) * points..<(4 + index) * points]))
            })
        guard TrialFile.checkpoint(checkpoint, of: key, tensors).header.elementsEqual(content[..<start]) else {
            throw refuse("has another header than this trial's")
        }
        return checkpoint
    }
}

extension TrialRecord {
    /// The trained parameters as a file; nil for a trial that is not done, a problem that leaves no model, and more than `Limits.modelBytes`.
    func model(of key: TrialKey, tensors: [Tensor]) -> [UInt8]? {
        guard outcome == .done, !tensors.isEmpty, TrialFile.fits(tensors) else { return nil }
        let values = parameterBits.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }
        let content = Safetensors(
            metadata: [("format", "regsweep model"), ("trial", "\(key)"), ("epoch", "\(epochs)")],
            entries: TrialFile.entries(tensors, values)
        ).bytes
        return content.count <= Limits.modelBytes ? content : nil
    }
}

/// The parts that checkpoint and model have in common.
private enum TrialFile {
    static func fits(_ tensors: [Tensor]) -> Bool { tensors.reduce(0) { $0 + 4 * $1.count } <= Limits.modelBytes }

    /// The content of a checkpoint: the curve as rows (epoch, train loss, test loss), the series, then the parameters by name.
    static func checkpoint(_ checkpoint: TrainingState, of key: TrialKey, _ tensors: [Tensor]) -> Safetensors {
        let curve = checkpoint.curve.flatMap { [Double($0.epoch), $0.trainLoss, $0.testLoss] }
        return Safetensors(
            metadata: [("format", "regsweep checkpoint"), ("trial", "\(key)"), ("epoch", "\(checkpoint.epochs)")],
            entries: [Safetensors.Entry("curve", shape: [checkpoint.curve.count, 3], curve)]
                + checkpoint.series.map { Safetensors.Entry(seriesPrefix + $0.name, shape: [$0.values.count], $0.values) }
                + entries(tensors, checkpoint.parameters))
    }

    static func entries(_ tensors: [Tensor], _ values: [Float]) -> [Safetensors.Entry] {
        var start = 0
        return tensors.map { tensor in
            defer { start += tensor.count }
            return Safetensors.Entry(tensor.name, shape: tensor.shape, values[start..<start + tensor.count])
        }
    }

    private static let seriesPrefix = "series."

    /// The names of the series, in file order, from a header that is not validated yet.
    static func seriesNames(inHeader header: ArraySlice<UInt8>) -> [String] {
        String(decoding: header, as: UTF8.self).split(separator: "\"").filter { $0.hasPrefix(seriesPrefix) }.map {
            String($0.dropFirst(seriesPrefix.count))
        }
    }
}
