// SpecError.swift · Coordinator/Sweep. The errors of a file that a person wrote.

/// One error of a file, with its line.
struct SpecError: Error, Equatable, CustomStringConvertible {
    var file: String
    /// Line of the file, from 1; nil for an error of the whole file.
    var line: Int?
    /// The value that was found and what is allowed.
    var message: String

    var description: String { "\(file):\(line.map { "\($0): " } ?? " ")\(message)" }
}

/// All errors of a file, in order of line, so that a person can correct them at once.
struct SpecErrors: Error, Equatable, CustomStringConvertible {
    var errors: [SpecError]

    var description: String { errors.map(\.description).joined(separator: "\n") }
}
