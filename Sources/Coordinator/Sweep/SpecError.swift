// SpecError.swift · Coordinator/Sweep. What is wrong with a file that a person wrote, and where.

struct SpecError: Error, Equatable, CustomStringConvertible {
    var file: String
    /// 1-based; nil when the whole file is meant.
    var line: Int?
    /// What was found and what is allowed.
    var message: String

    var description: String { "\(file):\(line.map { "\($0): " } ?? " ")\(message)" }
}

/// All that is wrong, in order of line: a person mends a file once.
struct SpecErrors: Error, Equatable, CustomStringConvertible {
    var errors: [SpecError]

    var description: String { errors.map(\.description).joined(separator: "\n") }
}
