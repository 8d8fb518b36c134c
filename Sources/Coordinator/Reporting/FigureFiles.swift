// FigureFiles.swift · Coordinator/Reporting, after Gnuplot. The figure of a results directory and the lines that end a report on the terminal.

internal import Wire

enum FigureFiles {
    /// Draws the figure, prints the tables and, last, the names of all files. A figure that cannot be drawn is a line on stderr, and what an
    /// earlier report has drawn is removed: it would mislead beside these tables.
    /// - Parameters:
    ///   - drawing: nil for a report without a figure.
    ///   - name: the name of the figure's files without their endings.
    ///   - tables: the names of the files that are written already.
    ///   - failure: why not all tables are; then nothing is drawn, and older figures stay with the older tables.
    ///   - text: printed in front of the directory and the names.
    /// - Returns: whether the tables and the figure, if there is to be one, are there.
    static func publish(
        _ drawing: (any Drawing)?, as name: String, in directory: String, beside tables: [String], failure: ReportError?, text: String,
        isQuiet: Bool
    ) -> Bool {
        if let failure {
            if !isQuiet {
                Console.print(text + (tables.isEmpty ? "no file is written" : "in \(directory): \(tables.joined(separator: ", "))"))
            }
            Console.writeLine("\(failure)")
            return false
        }
        let figure = Gnuplot.endings.map { "\(name).\($0)" }
        var complaint: ReportError?
        do { if let drawing { try Gnuplot.draw(drawing, as: name, in: directory) } } catch { complaint = error }
        let files = tables + (drawing != nil && complaint == nil ? figure : [])
        if !isQuiet { Console.print("\(text)in \(directory): \(files.joined(separator: ", "))") }
        guard let complaint else { return true }
        for file in figure { OutputFile.remove("\(directory)/\(file)") }
        Console.writeLine("\(complaint)")
        return false
    }
}
