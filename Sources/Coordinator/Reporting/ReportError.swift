// ReportError.swift · Coordinator/Reporting. Why a report could not write what it has.

internal import Wire

enum ReportError: Error, Equatable, CustomStringConvertible {
    case cannotWrite(path: String, reason: String)
    /// The tables are written; the figure is not drawn.
    case noFigure(reason: String)

    init(_ error: FileError) { self = .cannotWrite(path: error.path, reason: error.reason) }

    var description: String {
        switch self {
        case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
        case .noFigure(let reason): "no figure: \(reason); the tables are written"
        }
    }
}
