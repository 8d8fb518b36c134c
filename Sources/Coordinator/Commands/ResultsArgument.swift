// ResultsArgument.swift · Coordinator/Commands. What a person means by the path of a results directory, and by the digits of a trial.

internal import Vocabulary
internal import Wire

extension ResultsDirectory {
    /// - Parameters:
    ///   - path: the path of a results directory, or of a sweep file, which means the directory where `run` puts its results.
    ///   - seed: the seed that a sweep was run with by --seed; nil where it was run without.
    /// - Throws: for a sweep file that cannot be read, or is wrong. Whether the directory is there is not looked at.
    init(meantBy path: String, seed: UInt64? = nil) throws(SpecErrors) {
        let status = FileStatus(path)
        guard !Self.isResults(path, status), status != .missing || path.hasSuffix(".toml") else {
            self.init(path.hasSuffix("/store.sqlite") && status != .directory ? PathText.directory(of: path) : path)
            return
        }
        self.init(ofSweep: try SweepList.load(path: path, seed: seed).name, seed: seed)
    }

    /// Whether a path leads to a results directory, or to the store in one, and not to a sweep file.
    static func isResults(_ path: String, _ status: FileStatus) -> Bool {
        status == .directory || path == "store.sqlite" || path.hasSuffix("/store.sqlite")
    }
}

extension TrialKey {
    /// The one trial that a person means.
    /// - Parameters:
    ///   - digits: a key, or its first digits.
    ///   - option: where they were given, for messages.
    ///   - known: looks for keys that begin with digits.
    /// - Throws: unless exactly one is found.
    init(meantBy digits: String, option: String, known: (String) throws -> [TrialKey]) throws {
        func refuse(_ message: String) -> SpecErrors { SpecErrors(errors: [SpecError(file: option, line: nil, message: message)]) }
        let digits = digits.lowercased()
        guard (1...2 * TrialKey.byteCount).contains(digits.count), digits.allSatisfy(\.isHexDigit) else {
            throw refuse("found \"\(digits)\", allowed is a trial's key, or its first digits, in hexadecimal")
        }
        let found = Set(try known(digits))
        guard let key = found.first else { throw refuse("nothing is known of a trial whose key begins with \(digits)") }
        guard found.count == 1 else { throw refuse("several trials have keys that begin with \(digits): give more digits") }
        self = key
    }
}
