// Waiting.swift · Tests/ClusterTests. The one way in which these tests wait for what nobody tells them of.

import Foundation

/// Looks until it is so.
/// - Parameters:
///   - what: is awaited, for the failure.
///   - seconds: a test that waits this long has found something that hangs.
/// - Throws: `Failure` when the time is up, and whatever looking throws.
func wait(for what: String, within seconds: Double = 60, _ isSo: () throws -> Bool) throws {
    let clock = ContinuousClock(), deadline = clock.now + .seconds(seconds)
    while try !isSo() {
        guard clock.now < deadline else { throw Failure(description: "not within \(seconds) s: \(what)") }
        Thread.sleep(forTimeInterval: 0.02)
    }
}
