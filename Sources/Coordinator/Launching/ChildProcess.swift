// ChildProcess.swift · Coordinator/Launching, between the launchers and Subprocess. One child whose output goes to files.

internal import Glibc
internal import Wire

struct ChildProcess {
    /// How a child ended and what it wrote. Bytes that are no UTF-8 are replacement characters: sites and hosts write what they like.
    struct End {
        var status: Subprocess.Status
        /// Both streams where errors have no file of their own.
        var output: String
        var errors: String
    }

    let process: pid_t
    private let outputPath: String, errorsPath: String?
    /// Bytes that the files had before.
    private let outputStart: Int, errorsStart: Int

    /// - Parameters:
    ///   - outputPath: a file that standard output is appended to.
    ///   - errorsPath: a file that standard error is appended to; nil for that of the output.
    ///   - prefixes: variables of the environment whose names begin like this are not passed on.
    init(
        _ program: String, _ arguments: [String], input: Subprocess.Input = .nothing, outputTo outputPath: String,
        errorsTo errorsPath: String? = nil, withoutVariables prefixes: [String] = []
    ) throws(SubprocessError) {
        outputStart = Self.bytes(outputPath).count
        errorsStart = errorsPath.map { Self.bytes($0).count } ?? 0
        self.outputPath = outputPath
        self.errorsPath = errorsPath
        process = try Subprocess.spawn(
            program, arguments, input: input, outputTo: outputPath, errorsTo: errorsPath, withoutVariables: prefixes)
    }

    /// How it ended and what it wrote; nil while it runs. Gives an answer once.
    func ended() -> End? { Subprocess.reap([process]).first.map { end($0.status) } }

    /// Waits for its end.
    func wait() -> End { end(Subprocess.wait(process)) }

    private func end(_ status: Subprocess.Status) -> End {
        End(
            status: status, output: Self.text(outputPath, from: outputStart),
            errors: errorsPath.map { Self.text($0, from: errorsStart) } ?? "")
    }

    /// The text of a file; empty where there is none.
    static func text(_ path: String, from start: Int = 0) -> String { String(decoding: bytes(path).dropFirst(start), as: UTF8.self) }

    private static func bytes(_ path: String) -> [UInt8] { (try? FileBytes.read(path)) ?? [] }
}
