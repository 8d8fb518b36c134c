// SweepData.swift · Coordinator/Data, between ImageFolder and SweepSpec. The content of a data set becomes part of what a sweep is.

internal import Vocabulary
internal import Wire

extension SweepSpec {
    /// Reads the folder and takes the hashes of its files into the configuration, by which trials are named.
    /// - Parameters:
    ///   - folder: from the command line; nil for the sweep file's own.
    ///   - file: the sweep file, for mistakes.
    /// - Returns: the files by hash.
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

    /// For a reader of a store, which needs no data to read results: the hashes that they were computed with.
    mutating func takeData(from base: [String: String]) {
        for parameter in declaration.parameters where parameter.kind == .file {
            guard let text = base[parameter.name]?.split(separator: "\"").first else { continue }
            parameters[parameter.name] = .text(String(text))
        }
    }
}
