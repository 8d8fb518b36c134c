// ColumnTests.swift · Tests/CoordinatorTests. One list of columns as CSV, as a table on the terminal and as Markdown.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Columns") struct ColumnTests {
    private struct Row {
        var name: String
        var count: Int
        var value: Double?
        var deviation: Double?
        var failed = 0
    }

    private static var columns: [Column<Row>] {
        [
            .text("name", \.name), .integer("count", \.count),
            .cells("value", decimals: 2, deviation: \.deviation) { row in
                row.failed > 0 ? .missing(because: "\(row.failed) failed") : Cell(row.value)
            }, .real("exact", \.value),
        ]
    }

    private static let rows = [
        Row(name: "a", count: 7, value: 0.125, deviation: 0.5), Row(name: "long, \"q\" | x", count: 1000, value: 1e-7),
        Row(name: "", count: -1, value: nil, deviation: 1), Row(name: "λ", count: 0, value: 2, failed: 3),
    ]

    @Test("a CSV file has exact numbers, empty fields for missing values, quotes where they are needed, and no deviation") func csv() {
        #expect(
            CSV.header(Self.columns) + Self.rows.map { CSV.line($0, Self.columns) }.joined() == """
                name,count,value,exact
                a,7,0.125,0.125
                "long, ""q"" | x",1000,1e-07,1e-07
                ,-1,,
                λ,0,,2

                """)
    }

    @Test("a table on the terminal aligns words to the left and numbers to the right, rounds them, and says why one is missing")
    func terminal() {
        #expect(
            TextTable.text(Self.rows, Self.columns) == """
                name           count        value  exact
                a                  7  0.13 ± 0.50  0.125
                long, "q" | x   1000         0.00  1e-07
                                  -1            –      –
                λ                  0     3 failed      2

                """)
    }

    @Test("no line of a table ends with spaces, and no rows are a header") func ends() {
        let columns: [Column<Row>] = [.integer("count", \.count), .text("name", \.name)]
        #expect(TextTable.text([], columns) == "count  name\n")
        #expect(TextTable.text([Self.rows[2], Self.rows[0]], columns) == "count  name\n   -1\n    7  a\n")
    }

    @Test("a Markdown table shows what the terminal shows, and no cell ends before its time") func markdown() {
        #expect(
            MarkdownTable.text(Array(Self.rows.prefix(3)), Self.columns) == """
                | name | count | value | exact |
                | --- | --- | --- | --- |
                | a | 7 | 0.13 ± 0.50 | 0.125 |
                | long, "q" \\| x | 1000 | 0.00 | 1e-07 |
                |  | -1 | – | – |

                """)
    }

    @Test("every list of columns names each column once, and a row has as many fields as the header") func lists() throws {
        let spec = try SweepSpec.small(), summary = Summary(Grid(spec)) { _ in nil }
        let headers = [
            SummaryFile.columns(spec).map(\.name), TrialsFile.columns(spec).map(\.name), CurvesFile.columns(spec).map(\.name),
            Theory.columns(spec).map(\.name), LossTable.columns.map(\.name), RateTable.columns.map(\.name),
            WorkersTable.columns.map(\.name), HostFinding.columns.map(\.name),
        ]
        for names in headers { #expect(Set(names).count == names.count, "\(names)") }
        for row in summary.settings {
            let fields = CSV.line(row, SummaryFile.columns(spec)).split(separator: ",", omittingEmptySubsequences: false)
            #expect(fields.count == SummaryFile.columns(spec).count)
        }
    }

    @Test("workers and hosts have a dash for what is not known of them") func hosts() {
        let workers = [(WorkerID(high: 0, low: 1), "", Double.nan), (WorkerID(high: 0, low: 2), "guest-1", 0.25)].map { id, key, seconds in
            WorkerLine(
                worker: id, host: "ada", keyName: key, slots: 2, leases: 1, sinceHeard: .milliseconds(1250), secondsPerTrial: seconds)
        }
        let cells = workers.map { worker in WorkersTable.columns.dropFirst().map { $0.shown(worker) } }
        #expect(cells == [["ada", "–", "2", "1", "1.3", "–"], ["ada", "guest-1", "2", "1", "1.3", "4.0"]])
        var findings = ["a", "b", "c"].map(HostFinding.init)
        findings[0].probed("regsweep-probe v3=yes free_kib=\(10 << 20) copied=yes\n", "")
        findings[1].probed("regsweep-probe v3=yes free_kib=\(10 << 20) copied=no\n", "")
        findings[1].copied(.exited(0), "", seconds: 1.25)
        findings[2].probed("", "")
        for index in 0...1 { findings[index].tried("regsweep-cores 8\n\(Build.selfTest)\n", "") }
        #expect(
            TextTable.text(findings, HostFinding.columns) == """
                host  reachable  cores  x86-64-v3  room (MiB)  copy (s)  state
                a     yes            8  yes             10240  is there  ready
                b     yes            8  yes             10240       1.3  ready
                c     no             –  –                   –         –  no answer

                """)
    }
}
