// TemporaryFolder.swift · Tests/TestSupport. A folder of one test, with what tests do to files in it.

public import FoundationEssentials

/// A new, empty folder that is removed with this value.
public final class TemporaryFolder: Sendable {
    public let path = FileManager.default.temporaryDirectory.path + "/regsweep-test-\(UUID().uuidString)"

    public init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// - Parameter name: a path relative to this folder.
    public func path(of name: String) -> String { "\(path)/\(name)" }

    public func url(of name: String) -> URL { URL(filePath: path(of: name)) }

    /// Replaces the file as a whole: a program that reads it meanwhile finds the old text or the new one.
    public func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: url(of: name), options: .atomic) }

    public func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: url(of: name)) }

    public func read(_ name: String) throws -> String { try String(contentsOf: url(of: name), encoding: .utf8) }

    public func bytes(of name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(of: name))) }

    public func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(of: name)) }

    /// What lies in this folder, sorted by name.
    public func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}
