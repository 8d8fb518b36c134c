// CSVFile.swift · Coordinator/Reporting, between columns and TextFile. A table of a results directory, written whole or not at all.

/// A CSV file that is written row by row and appears under its name when it is finished. Without `finish` nothing is left of it.
final class CSVFile<Row> {
    private let columns: [Column<Row>]
    private var file: TextFile

    init(_ path: String, _ columns: [Column<Row>]) {
        self.columns = columns
        file = TextFile(path)
        file.write(CSV.header(columns))
    }

    func write(_ row: Row) { file.write(CSV.line(row, columns)) }

    /// - Throws: whatever went wrong since the file was made.
    func finish() throws(ReportError) { try file.finish() }

    /// Writes all rows at once.
    static func write(_ rows: some Sequence<Row>, _ columns: [Column<Row>], to path: String) throws(ReportError) {
        let file = CSVFile(path, columns)
        for row in rows { file.write(row) }
        try file.finish()
    }
}
