// SweepData.swift · Coordinator/Data, between ImageFolder and SweepSpec. Puts the hashes of a data set into the parameters of a sweep.

internal import Vocabulary
internal import Wire

extension SweepSpec {
    /// Reads the folder and puts the hashes of its files into the parameters, of which the trials' keys are made.
    /// - Parameters:
    ///   - folder: the folder from the command line; nil for the one in the sweep file.
    ///   - file: the name of the sweep file, for errors.
    /// - Returns: the files by hash; none for a problem that reads no data set.
    mutating func readData(folder: String?, _ file: String) throws(SpecErrors) -> [Digest: [UInt8]] {
        func refuse(_ message: String) -> SpecErrors { SpecErrors(errors: [SpecError(file: file, line: nil, message: message)]) }
        guard needsData else {
            if folder != nil { throw refuse("--data: a sweep of \(problem) reads no data set") }
            return [:]
        }
        guard let path = folder ?? dataFolder else { throw refuse("data: is missing; \(ImageFolder.advice)") }
        let images = try ImageFolder(path)
        if case .integer(let samples) = parameters["samples"], samples > images.trainingCount {
            throw refuse("samples: found \(samples), allowed are at most the \(images.trainingCount) training images of \(path)")
        }
        warnings += images.warnings
        parameters.merge(images.parameters) { _, new in new }
        return images.blobs
    }

    /// Takes the hashes from a store, for a command that only reads results and needs no data set.
    mutating func takeData(from base: [String: String]) {
        for parameter in declaration.parameters where parameter.kind == .file {
            guard let text = base[parameter.name]?.split(separator: "\"").first else { continue }
            parameters[parameter.name] = .text(String(text))
        }
    }
}
