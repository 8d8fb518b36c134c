// TemporaryFolder.swift · Tests/CoordinatorTests. A folder of a test's own.

import Foundation

/// Removed with this value.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appending(path: "regsweep-\(UUID())").path()
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}
