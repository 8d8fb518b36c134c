// Waiting.swift · Tests/ClusterTests. The one way in which these tests wait for what nobody tells them of.

import Foundation

/// Seconds after which a test takes what it waits for to hang. Five minutes: a host with several times more work than cores needs
/// minutes for what takes an idle one seconds, and only a test that fails waits this long.
let patience: TimeInterval = 300

/// Looks until it is so.
/// - Parameters:
///   - what: is awaited, for the failure.
///   - seconds: other than the default only where the time itself is what the test promises.
/// - Throws: `Failure` when the time is up, and whatever looking throws.
func wait(for what: String, within seconds: TimeInterval = patience, _ isSo: () throws -> Bool) throws {
    let clock = ContinuousClock(), deadline = clock.now + .seconds(seconds)
    while try !isSo() {
        guard clock.now < deadline else { throw Failure(description: "not within \(seconds) s: \(what)") }
        Thread.sleep(forTimeInterval: 0.02)
    }
}
