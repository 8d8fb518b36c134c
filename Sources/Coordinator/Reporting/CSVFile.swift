// CSVFile.swift · Coordinator/Reporting, between columns and TextFile. A table of a results directory, written whole or not at all.

/// A CSV file that is written row by row and appears under its name when it is finished. Without `finish` nothing is left of it.
final class CSVFile<Row> {
    private let columns: [Column<Row>]
    private var file: TextFile

    init(_ path: String, _ columns: [Column<Row>]) throws(ReportError) {
        self.columns = columns
        file = try TextFile(path)
        try file.write(CSV.header(columns))
    }

    func write(_ row: Row) throws(ReportError) { try file.write(CSV.line(row, columns)) }

    func finish() throws(ReportError) { try file.finish() }

    /// Writes all rows at once.
    static func write(_ rows: some Sequence<Row>, _ columns: [Column<Row>], to path: String) throws(ReportError) {
        let file = try CSVFile(path, columns)
        for row in rows { try file.write(row) }
        try file.finish()
    }
}
