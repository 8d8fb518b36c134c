// RunTests.swift · Tests/ClusterTests. `regsweep run` as a user meets it, with local workers of its own.

import Foundation
import TestSupport
import Testing

@Suite("Run", .serialized) struct RunTests {
    let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    @Test("a sweep leaves its tables and its figure and prints the summary") func leaves() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        let end = try scratch.regsweep("run", "sweep.toml")
        #expect(end.code == 0, "\(end.errors)")
        let tables = try Tables(scratch, "results/small")
        #expect(
            tables.results.prefix { $0 != "\n" }
                == "trial,problem,algorithm,lambda1,lambda2,learning_rate,training_set,initialization,replicate,outcome,epochs,train_loss,test_loss,loss_ratio,digest"
        )
        #expect(tables.results.split(separator: "\n").count == 1 + 17 * 8)
        #expect(tables.summary.split(separator: "\n").count == 1 + 17)
        for name in ["store.sqlite", "small.svg", "small.pdf", "small.png"] { #expect(scratch.has("results/small/\(name)"), "\(name)") }
        for label in ["strength", "λ₂ = 0", "λ₁/λ₂ = 1", "λ₁/λ₂ = 0.5", "Reg2 only"] { #expect(end.output.contains(label)) }
        #expect(end.errors.contains("small: 100 %  136/136"))
    }

    @Test("the bytes of the tables do not depend on workers, slots and the size of leases") func anyCluster() throws {
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try scratch.write(Sweeps.nervous + "\n[local]\nworkers = 3\nslots = 2\n", to: "cluster.toml")
        let end = try scratch.regsweep("run", "sweep.toml", "--cluster", "cluster.toml", "--quiet")
        #expect(end == Program.End(code: 0, output: "", errors: ""))
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("nor do those of a table, which has no figure, and whose last line names the files that are there") func table() throws {
        try scratch.write(Sweeps.table, to: "sweep.toml")
        let end = try scratch.regsweep("run", "sweep.toml", "--workers", "1")
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.output.contains("\nNoisyGD (matched), η = 0.2 "))
        #expect(end.output.split(separator: "\n").last == "in results/table: results.csv, summary.csv, curves.csv")
        #expect(!scratch.has("results/table/table.svg"))
        try scratch.write(Sweeps.nervous + "\n[local]\nworkers = 3\nslots = 2\n", to: "cluster.toml")
        let other = try scratch.regsweep("run", "sweep.toml", "--cluster", "cluster.toml", "--quiet", "--out", "other")
        #expect(other == Program.End(code: 0, output: "", errors: ""))
        #expect(try Tables(scratch, "other") == Tables(scratch, "results/table"))
    }

    @Test("nor those of the parts of a file, whose series come into one table and one figure") func parts() throws {
        try scratch.write(Sweeps.parts, to: "sweep.toml")
        let end = try scratch.regsweep("run", "sweep.toml", "--workers", "1")
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.output.split(separator: "\n").last == "all parts in results/parts: theory.csv, parts.svg, parts.pdf, parts.png")
        #expect(!end.output.contains("left out"))
        try scratch.write(Sweeps.nervous + "\n[local]\nworkers = 3\nslots = 2\n", to: "cluster.toml")
        let other = try scratch.regsweep("run", "sweep.toml", "--cluster", "cluster.toml", "--quiet", "--out", "other")
        #expect(other == Program.End(code: 0, output: "", errors: ""))
        for part in ["landscape", "network"] { #expect(try Tables(scratch, "other/\(part)") == Tables(scratch, "results/parts/\(part)")) }
        let theory = try scratch.read("results/parts/theory.csv")
        #expect(try scratch.read("other/theory.csv") == theory && theory.split(separator: "\n").count == 4)
    }

    @Test(
        "what workers leave of paths and copies is all of it in the figure",
        arguments: [("density", "trajectory"), ("trajectories", "variability")])
    func series(kind: String, record: String) throws {
        try scratch.write(Sweeps.series(kind, record: record), to: "sweep.toml")
        let end = try scratch.regsweep("run", "sweep.toml", "--workers", "2")
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.output.contains("trace: ") && !end.output.contains("left out"), "\(end.output)")
        #expect(end.output.hasSuffix("in results/series: results.csv, summary.csv, curves.csv, series.svg, series.pdf, series.png\n"))
    }

    @Test("a finished sweep is not trained again, and a grown one only where it grew") func grows() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        let before = try Tables(scratch, "results/small")
        let again = try scratch.regsweep("run", "sweep.toml")
        #expect(again.code == 0)
        #expect(!again.errors.contains("trials to run"))
        #expect(try Tables(scratch, "results/small") == before)

        try scratch.write(Sweeps.small(replicates: 3, strengths: "0.001, 0.003, 0.01, 0.1, 1.0"), to: "sweep.toml")
        let grown = try scratch.regsweep("run", "sweep.toml")
        #expect(grown.code == 0)
        #expect(grown.errors.contains("\(21 * 12 - 17 * 8) of \(21 * 12) trials to run"))
        let rows = Set(try Tables(scratch, "results/small").results.split(separator: "\n"))
        #expect(rows.isSuperset(of: before.results.split(separator: "\n")))
    }

    @Test("a changed setting is refused with what changed and the way out, and another directory takes it") func foreign() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        try scratch.write(Sweeps.small(epochs: 100), to: "sweep.toml")
        let refused = try scratch.regsweep("run", "sweep.toml", "--quiet")
        #expect(refused.code == 2)
        #expect(refused.errors.contains("epochs was 200, is now 100"))
        #expect(refused.errors.contains("--out"))
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet", "--out", "other").code == 0)
    }

    @Test("check prints the plan and trains nothing") func check() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        let end = try scratch.regsweep("check", "sweep.toml")
        #expect(end.code == 0)
        for fact in ["trials     136", "groups     8 = 2 training sets × 2 initializations × 2 replicates", "leases", "time"] {
            #expect(end.output.contains(fact))
        }
        #expect(!scratch.has("results"))
    }

    @Test("check asks for a file to check, and says so when a cluster file has no hosts") func checkOfNothing() throws {
        let nothing = try scratch.regsweep("check")
        #expect(nothing.code == 2 && nothing.errors.contains("name a sweep file, or a cluster file"), "\(nothing.errors)")
        try scratch.write("[local]\nworkers = 1\n", to: "cluster.toml")
        let local = try scratch.regsweep("check", "--cluster", "cluster.toml")
        #expect(local.code == 0 && local.output.hasPrefix("no hosts to try"), "\(local.output)\(local.errors)")
    }

    @Test("all mistakes of a sweep file are told at once, with their lines, by run and by check", arguments: ["run", "check"])
    func mistakes(command: String) throws {
        let text = Sweeps.small().replacing("samples = 10", with: "sampels = 10").replacing("epochs = 200", with: "epochs = \"many\"")
        try scratch.write(text, to: "sweep.toml")
        let end = try scratch.regsweep(command, "sweep.toml")
        #expect(end.code == 2)
        #expect(end.output == "")
        let lines = end.errors.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("sweep.toml:5: sampels") == true)
        #expect(lines.last?.hasPrefix("sweep.toml:8: epochs") == true)
        #expect(!scratch.has("results"))
    }

    @Test("report draws again what is stored, under a seed as well, and leaves alone what is of other settings") func report() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet", "--seed", "5").code == 0)
        let tables = try Tables(scratch, "results/small-seed-5")
        let refused = try scratch.regsweep("report", "sweep.toml", "--out", "results/small-seed-5")
        #expect(refused.code == 2)
        #expect(refused.errors.contains("seed was 5, is now 1"))
        #expect(try Tables(scratch, "results/small-seed-5") == tables)
        let again = try scratch.regsweep("report", "sweep.toml", "--seed", "5")
        #expect(again.code == 0)
        #expect(again.output.contains("in results/small-seed-5: results.csv, summary.csv, curves.csv, small.svg, small.pdf, small.png"))
        #expect(try Tables(scratch, "results/small-seed-5") == tables)
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet", "--seed", "6").code == 0)
        let both = try scratch.regsweep("report", "sweep.toml", "--seed", "5", "--seed", "6")
        #expect(both.code == 0 && both.output.hasPrefix("| sweep | below 1 |"), "\(both)")
        #expect(["| seed 5 |", "| seed 6 |", "| mean ± sd |"].allSatisfy(both.output.contains), "\(both)")
    }

    @Test("several reports at once do not disturb each other") func reportsAtOnce() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        let tables = try Tables(scratch, "results/small")
        let reports = try (0..<4).map { _ in try Program("regsweep", ["report", "sweep.toml"], in: scratch) }
        for report in reports { #expect(try report.end().code == 0) }
        #expect(try Tables(scratch, "results/small") == tables)
        let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/results/small").filter { $0.hasSuffix(".part") }
        #expect(left == [])
    }

    @Test("a sweep without gnuplot has its tables, says what is missing and exits 4") func noFigure() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        let end = try Program("regsweep", ["run", "sweep.toml"], in: scratch, environment: ["PATH": scratch.path]).end()
        #expect(end.code == 4)
        #expect(end.errors.contains("no figure: gnuplot is not installed"))
        #expect(end.output.contains("in results/small: results.csv, summary.csv, curves.csv\n"))
        #expect(!scratch.has("results/small/small.svg"))
    }
}
