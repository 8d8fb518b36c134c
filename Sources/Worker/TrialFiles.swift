// TrialFiles.swift · Worker, between Compute's checkpoints and records and what is said of them: both are safetensors files
// (Docs/protocol.md), so that anybody can look into them.

internal import Compute
internal import Vocabulary
internal import Wire

extension Checkpoint {
    /// - Parameter tensors: the arrays that the parameters are, one after the other.
    /// - Returns: nil for one that is too large for a message.
    init?(_ checkpoint: TrainingState, of key: TrialKey, tensors: [Tensor]) {
        guard TrialFile.fits(tensors) else { return nil }
        let content = TrialFile.checkpoint(checkpoint, of: key, tensors).bytes
        guard content.count <= Limits.modelBytes else { return nil }
        self.init(key: key, epoch: checkpoint.epochs, content: content)
    }

    /// Where the trial goes on.
    /// - Throws: for a content that is not this trial's, not after this epoch, or not what this build would have written of it.
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
        // What the header does not say before it is read: how many series there are and how long the curve is. Then there is one header
        // that it can have.
        let names = TrialFile.seriesNames(inHeader: content[8..<start])
        let count = tensors.reduce(0) { $0 + $1.count }
        let room = content.count - start - 4 * count, perPoint = 8 * (3 + names.count)
        guard room >= 0, room.isMultiple(of: perPoint) else { throw refuse("has \(content.count - start) bytes of values") }
        let points = room / perPoint
        let columns = Safetensors.doubles(content[start..<start + room]), parameters = Safetensors.floats(content[(start + room)...])
        guard columns.allSatisfy(\.isFinite) else { throw refuse("has a loss that is not finite") }
        let checkpoint = TrainingState(
            epochs: epoch, parameters: parameters,
            curve: (0..<points).map { point in
                CurvePoint(
                    epoch: Int(exactly: columns[3 * point]) ?? -1, trainLoss: columns[3 * point + 1], testLoss: columns[3 * point + 2])
            },
            series: names.enumerated().map { place, name in
                Series(name: name, values: Array(columns[(3 + place) * points..<(4 + place) * points]))
            })
        guard TrialFile.checkpoint(checkpoint, of: key, tensors).header.elementsEqual(content[..<start]) else {
            throw refuse("has another header than this trial's")
        }
        return checkpoint
    }
}

extension TrialRecord {
    /// The trained parameters; nil where there are none, or too many for a message.
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

/// What both files have in common.
private enum TrialFile {
    static func fits(_ tensors: [Tensor]) -> Bool { tensors.reduce(0) { $0 + 4 * $1.count } <= Limits.modelBytes }

    /// The curve as rows (epoch, train loss, test loss), the series, then the parameters by their names.
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

    /// In their order.
    static func seriesNames(inHeader header: ArraySlice<UInt8>) -> [String] {
        String(decoding: header, as: UTF8.self).split(separator: "\"").filter { $0.hasPrefix(seriesPrefix) }.map {
            String($0.dropFirst(seriesPrefix.count))
        }
    }
}
