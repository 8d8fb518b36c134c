// ChildProcess.swift · Coordinator/Launching, between the launchers and Subprocess. One child whose output goes to a file.

internal import FoundationEssentials
internal import Glibc
internal import Wire

struct ChildProcess {
    let process: pid_t
    private let outputPath: String
    /// Bytes that the file had before.
    private let outputStart: Int

    /// - Parameter outputPath: a file that standard output and standard error are appended to.
    init(_ program: String, _ arguments: [String], input: Subprocess.Input = .nothing, outputTo outputPath: String) throws(SubprocessError)
    {
        outputStart = (try? Data(contentsOf: URL(filePath: outputPath)))?.count ?? 0
        self.outputPath = outputPath
        process = try Subprocess.spawn(program, arguments, input: input, outputTo: outputPath)
    }

    /// How it ended and what it wrote; nil while it runs. Gives an answer once.
    func ended() -> (status: Subprocess.Status, output: String)? {
        Subprocess.reap([process]).first.map { ($0.status, output) }
    }

    /// Waits for its end.
    func wait() -> (status: Subprocess.Status, output: String) {
        let status = Subprocess.wait(process)
        return (status, output)
    }

    private var output: String {
        guard let bytes = try? Data(contentsOf: URL(filePath: outputPath)) else { return "" }
        return String(decoding: bytes.dropFirst(outputStart), as: UTF8.self)
    }
}
