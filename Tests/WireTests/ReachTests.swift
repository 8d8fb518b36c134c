// ReachTests.swift · Tests/WireTests. Why no coordinator answers is found out by one connection and said in its own words.

import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Wire

@Suite("Reach", .serialized) struct ReachTests {
    @Test("a name that has no address, and an endpoint at which nobody listens, with the reason") func nobody() throws {
        guard case .unresolved("nosuch.invalid", let reason) = Reach.of("tcp://nosuch.invalid:5577", nil) else {
            throw ReachFailure(description: "resolved")
        }
        #expect(reason != "")
        #expect(Reach.of("tcp://127.0.0.1:9", nil) == .refused(reason: "Connection refused"))
        let folder = try TemporaryFolder()
        #expect(Reach.of("ipc://\(folder.path)/none", nil) == .refused(reason: "No such file or directory"))
    }

    @Test("a coordinator with keys: one without a key, with a key that is not accepted, with another coordinator's, and with the right one")
    func keys() throws {
        let coordinator = SecretKey.random(), known = SecretKey.random()
        let wakeSignal = try WakeSignal()
        let router = try RouterSocket(in: try Context())
        router.allow(known.publicKey)
        let endpoint = try router.bind("tcp://127.0.0.1:*", admitting: .keys(coordinator))
        func reach(_ invitation: Invitation?) throws -> Reach {
            let found = Found()
            startThread {
                let reach = Reach.of(endpoint, invitation)
                found.reach.change { $0 = reach }
            }
            // The coordinator's loop answers handshakes.
            while true {
                _ = try router.receive()
                try Poller.wait(for: router, or: wakeSignal, atMost: .milliseconds(10))
                if let reach = found.reach.change({ $0 }) { return reach }
            }
        }
        func invitation(_ key: SecretKey, of coordinator: SecretKey) -> Invitation {
            Invitation(endpoint: endpoint, coordinator: coordinator.publicKey, key: key)
        }
        #expect(try reach(nil) == .strange)
        #expect(try reach(invitation(.random(), of: coordinator)) == .keyRefused)
        #expect(try reach(invitation(known, of: .random())) == .strange)
        #expect(try reach(invitation(known, of: coordinator)) == .joined)
    }

    @Test("each has words of its own, with the endpoint and what to do") func words() {
        func text(_ reach: Reach, hasKey: Bool = false) -> String {
            reach.text("tcp://ada:5577", hasKey: hasKey, silence: .seconds(30))
        }
        #expect(
            text(.unresolved(host: "ada", reason: "Name or service not known"))
                == "ada, the host of tcp://ada:5577, does not resolve (Name or service not known): check the name")
        #expect(
            text(.refused(reason: "Connection refused"))
                == "no coordinator at tcp://ada:5577 answered for 30.0 s (Connection refused): check that regsweep run is running there")
        #expect(text(.keyRefused, hasKey: true).contains("does not accept this worker's key: it was removed or replaced"))
        #expect(text(.strange, hasKey: true).contains("is not the coordinator that made this worker's invitation"))
        #expect(text(.strange).contains("does not let a worker without a key in"))
        #expect(text(.silent).contains("answers nothing for 30.0 s"))
        #expect(text(.joined).contains("says nothing for 30.0 s"))
        let all: [Reach] = [.unresolved(host: "ada", reason: ""), .silent, .strange, .keyRefused, .joined]
        for reach in all { #expect(!text(reach, hasKey: true).contains("no coordinator at"), "\(reach)") }
    }
}

private final class Found: Sendable { let reach = Monitor<Reach?>(nil) }

private struct ReachFailure: Error, CustomStringConvertible { let description: String }
