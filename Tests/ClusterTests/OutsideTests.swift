// OutsideTests.swift · Tests/ClusterTests. What other programs, and people at terminals, do to a sweep that runs: nothing stops, no trial is
// blamed, and the bytes at the end are those of an undisturbed run.

import Foundation
import Glibc
import TestSupport
import Testing

@testable import regsweep

/// A pseudo-terminal whose other end is this test.
private final class Terminal {
    private let end: CInt
    /// For the standard streams of a process.
    let device: FileHandle

    // TIOCSPTLCK and TIOCGPTN of <asm-generic/ioctls.h>, which Swift does not see.
    private static let unlock: UInt = 0x4004_5431, getNumber: UInt = 0x8004_5430

    init() throws {
        end = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var lock: CInt = 0, number: CInt = 0
        guard end >= 0, ioctl(end, Self.unlock, &lock) == 0, ioctl(end, Self.getNumber, &number) == 0 else {
            throw Failure(description: "no pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        let descriptor = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(description: "/dev/pts/\(number): \(String(cString: strerror(errno)))") }
        device = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    deinit { close(end) }

    /// Presses a key.
    func press(_ key: UInt8) {
        var key = key
        _ = write(end, &key, 1)
    }

    static let controlS: UInt8 = 0x13, controlQ: UInt8 = 0x11

    /// What has been printed and not been read yet.
    func read() -> String {
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
        var text = "", buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = Glibc.read(end, &buffer, buffer.count), count > 0 {
            text += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
        return text
    }
}

@Suite("Outside", .serialized) struct OutsideTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try scratch.write(Sweeps.nervous + "\norphan_timeout_seconds = 2\n", to: "cluster.toml")
    }

    private let arguments = ["run", "sweep.toml", "--cluster", "cluster.toml"]

    private func start(_ arguments: [String], output: Any, errors: Any) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: Program.path(of: "regsweep"))
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: scratch.path)
        (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, output, errors)
        try process.run()
        return process
    }

    /// No worker died over a trial: neither is one to blame nor does a lease of the history say so.
    private func expectNoBlame(at place: SourceLocation = #_sourceLocation) throws {
        let store = try ResultStore(reading: scratch.path + "/results/small/store.sqlite")
        #expect(try store.crashes().isEmpty, sourceLocation: place)
        #expect(try Migrations.number("SELECT count(*) FROM lease WHERE ended = 'died'", store.database) == 0, sourceLocation: place)
    }

    private func expectUndisturbed(at place: SourceLocation = #_sourceLocation) throws {
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed, sourceLocation: place)
    }

    @Test("a terminal that stands still (Ctrl-S) from the first line to the last holds up nothing") func stoppedTerminal() throws {
        let terminal = try Terminal()
        terminal.press(Terminal.controlS)
        let run = try start(
            arguments + ["--workers", "2", "--log-level", "debug"], output: terminal.device, errors: terminal.device)
        run.waitUntilExit()
        #expect(run.terminationStatus == 0)
        try expectUndisturbed()
        try expectNoBlame()
    }

    @Test("a terminal that goes on before the end shows what was printed meanwhile") func continuedTerminal() throws {
        let terminal = try Terminal()
        terminal.press(Terminal.controlS)
        let run = try start(
            arguments + ["--workers", "0", "--log-level", "debug"], output: terminal.device, errors: terminal.device)
        try wait(for: "the first snapshot") { scratch.has("results/small/status.json") }
        #expect(terminal.read() == "")
        terminal.press(Terminal.controlQ)
        var text = ""
        try wait(for: "the first lines") {
            text += terminal.read()
            return text.contains("This starts one more worker on this host")
        }
        run.terminate()
        run.waitUntilExit()
        #expect(run.terminationStatus == 3)
    }

    @Test(
        "a pipe that is full and that nobody reads holds up nothing, and the end waits for it a few seconds and no more",
        arguments: [false, true])
    func fullPipe(isOutput: Bool) throws {
        let pipe = Pipe()
        let end = pipe.fileHandleForWriting.fileDescriptor
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
        while write(end, [UInt8](repeating: 0, count: 4096), 4096) > 0 {}
        while write(end, [0], 1) > 0 {}
        _ = fcntl(end, F_SETFL, 0)
        let run = try start(
            arguments + ["--workers", "2", "--log-level", "debug"], output: isOutput ? pipe.fileHandleForWriting : FileHandle.nullDevice,
            errors: pipe.fileHandleForWriting)
        run.waitUntilExit()
        // A program that reads the tables has to know that they are not whole; nothing reads the log.
        #expect(run.terminationStatus == (isOutput ? 4 : 0))
        try expectUndisturbed()
        try expectNoBlame()
        withExtendedLifetime(pipe) {}
    }

    @Test(
        "signals that a sweep is started with as ignored stay ignored: SIGHUP by nohup, SIGINT by the & of a script",
        arguments: [("HUP", SIGHUP), ("INT", SIGINT)])
    func ignoredSignals(name: String, number: Int32) throws {
        let line = "trap '' \(name); exec '\(Program.path(of: "regsweep"))' \(arguments.joined(separator: " ")) --log-level info"
        let run = try Program(at: "/bin/sh", ["-c", line], in: scratch)
        try run.errors(have: "joined")
        run.signal(number)
        run.signal(number)
        let end = try run.end()
        #expect(end.code == 0 && !end.errors.contains("interrupted"), "\(end.errors)")
        try expectUndisturbed()
    }

    @Test("a worker that was started by hand drains when its terminal is closed, however often it is told") func hangUp() throws {
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease", times: 2)
        worker.signal(SIGHUP)
        worker.signal(SIGHUP)
        let left = try worker.end()
        #expect(left.code == 0 && left.errors.contains("this worker was told to stop and ends; no result is lost"), "\(left.errors)")
        try coordinator.errors(have: "left: drained")
        let second = try scratch.worker(endpoint)
        #expect(try coordinator.end().code == 0)
        #expect(try second.end().code == 0)
        try expectNoBlame()
        try expectUndisturbed()
    }

    @Test("the socket of local workers is made again when a cleaner has removed it, and another worker in the place of one that died joins")
    func removedSocket() throws {
        let run = try Program("regsweep", arguments + ["--workers", "2", "--log-level", "info"], in: scratch)
        let endpoint = try run.word(after: "regsweep-worker --connect ipc://")
        try run.errors(have: "joined", times: 2)
        try FileManager.default.removeItem(atPath: endpoint)
        try run.errors(have: "was made again at \(endpoint)")
        let list = try scratch.regsweep("workers", "list", "--out", "results/small")
        #expect(list.code == 0 && list.output.contains("of 272 trials left"), "\(list)")
        let worker = try scratch.worker("ipc://" + endpoint)
        try run.errors(have: "joined", times: 3)
        #expect(try run.end().code == 0)
        #expect(try worker.end().code == 0)
        try expectUndisturbed()
    }

    @Test("workers that leave while their coordinator stands still are replaced, and no trial is blamed") func stoppedCoordinator() throws {
        // Trials of minutes: the workers have nothing to hand over when they leave.
        try scratch.write(Sweeps.small(epochs: 3_000_000, replicates: 1), to: "sweep.toml")
        let run = try Program("regsweep", arguments + ["--workers", "2", "--log-level", "info"], in: scratch)
        try run.errors(have: "joined", times: 2)
        run.signal(SIGSTOP)
        try wait(for: "two workers without a coordinator") {
            let log = try scratch.read("results/small/workers.log")
            return log.components(separatedBy: "; this worker ends").count == 3
        }
        run.signal(SIGCONT)
        try run.errors(have: "joined", times: 4)
        run.signal(SIGINT)
        try run.errors(have: "interrupt once more")
        run.signal(SIGINT)
        #expect(try run.end().code == 3)
        try expectNoBlame()
    }

    @Test("a program that holds the database for longer than every timeout holds up what is stored, and nothing else") func lockedDatabase()
        throws
    {
        let run = try Program("regsweep", arguments + ["--workers", "1", "--log-level", "info"], in: scratch)
        try run.errors(have: "joined")
        try wait(for: "a result") { scratch.has("results/small/status.json") }
        let other = try Database(scratch.path + "/results/small/store.sqlite")
        try wait(for: "the lock of the database") { (try? other.execute("BEGIN IMMEDIATE")) != nil }
        try run.errors(have: "cannot be written to: another program has locked it")
        // Silence is a second here, and a worker looks for its coordinator for two.
        for _ in 0..<5 {
            let list = try scratch.regsweep("workers", "list", "--out", "results/small")
            #expect(list.code == 0 && list.output.split(separator: "\n").count == 3, "\(list)")
            Thread.sleep(forTimeInterval: 1)
        }
        try other.execute("COMMIT")
        let end = try run.end()
        #expect(end.code == 0 && end.errors.contains("can be written to again") && !end.errors.contains("lost worker"), "\(end.errors)")
        #expect(try !scratch.read("results/small/workers.log").contains("connecting again"))
        try expectNoBlame()
        try expectUndisturbed()
    }

    @Test("a worker keeps results that its coordinator has not acknowledged for longer than it would look for one without them")
    func keepsResults() throws {
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let worker = try scratch.worker(endpoint, "--orphan-timeout", "4")
        try worker.errors(have: "computing lease", times: 3)
        coordinator.signal(SIGSTOP)
        // The second try begins seven seconds after the last word: without results it would have left after four.
        try worker.errors(have: "connecting again", times: 2)
        #expect(worker.isRunning)
        coordinator.signal(SIGCONT)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        try expectUndisturbed()
    }
}
