// RemoteHostTests.swift · Tests/CoordinatorTests. What is done next on an ssh host, and how its end is told: plain values.

import Testing
import Vocabulary
import Wire

@testable import regsweep

private let start = Instant(sinceStart: .zero)

extension Instant {
    fileprivate static func - (a: Instant, b: Duration) -> Instant { Instant(sinceStart: a.sinceStart - b) }
}

@Suite("Remote host") struct RemoteHostTests {
    @Test("a host without the program gets it once and is started") func copies() {
        var host = RemoteHost("ada", at: start)
        #expect(host.tick(at: start) == .start)
        #expect(host.tick(at: start) == nil)
        #expect(host.ended(.exited(SSHText.needsCopy), saying: nil, at: start) == .info("copying the worker program"))
        #expect(host.tick(at: start) == .copy)
        #expect(host.ended(.exited(0), saying: nil, at: start) == nil)
        #expect(host.tick(at: start) == .start)
        // Copied, and still not there.
        #expect(
            host.ended(.exited(SSHText.needsCopy), saying: "no room", at: start) == .warning("exit code 66: no room; trying again in 2 s"))
        #expect(host.tick(at: start) == nil)
        #expect(host.state == .due(.start, at: start + .seconds(2)))
    }

    @Test("a copy that fails is tried again, from the start") func copyFails() {
        var host = RemoteHost("ada", at: start)
        _ = host.tick(at: start)
        _ = host.ended(.exited(SSHText.needsCopy), saying: nil, at: start)
        #expect(host.tick(at: start) == .copy)
        #expect(host.ended(.exited(74), saying: nil, at: start) == .warning("exit code 74; trying again in 2 s"))
        #expect(host.state == .due(.start, at: start + .seconds(2)))
    }

    @Test("workers that drained are not started again") func drained() {
        var host = RemoteHost("ada", at: start)
        #expect(host.outlook == .expected)
        _ = host.tick(at: start)
        #expect(host.ended(.exited(0), saying: "bye", at: start + .seconds(100)) == .info("its workers have drained and left"))
        #expect(host.state == .ended)
        #expect(host.outlook == .none)
        #expect(host.tick(at: start + .seconds(1000)) == nil)
    }

    @Test("failures are tried again after 2, 4, 8 and 16 s, and the fifth is the last") func patience() {
        var host = RemoteHost("ada", at: start)
        var now = start
        for pause in [2, 4, 8, 16] {
            #expect(host.tick(at: now) == .start)
            #expect(
                host.ended(.exited(SSHText.noConnection), saying: "refused", at: now)
                    == .warning("no connection: refused; trying again in \(pause) s"))
            #expect(host.tick(at: now + .seconds(pause) - .milliseconds(1)) == nil)
            now = now + .seconds(pause)
        }
        #expect(host.tick(at: now) == .start)
        #expect(
            host.ended(.killed(signal: 9), saying: nil, at: now)
                == .warning("signal 9; given up, the sweep goes on without it; regsweep workers add ssh:ada tries again"))
        #expect(host.state == .givenUp)
        #expect(host.outlook == .none)
    }

    @Test("an ssh that cannot be run is a failure like any other") func noSSH() {
        var host = RemoteHost("ada", at: start)
        #expect(host.tick(at: start) == .start)
        #expect(host.failedToStart("ssh is not installed", at: start) == .error("ssh is not installed; trying again in 2 s"))
        #expect(host.tick(at: start + .seconds(2)) == .start)
    }

    /// Twenty starts that each last half a minute, with a pause that is long enough for any.
    private func outlive(_ host: inout RemoteHost, workersCome: Bool) {
        var now = start
        for _ in 0..<20 where host.outlook == .expected {
            #expect(host.tick(at: now) == .start)
            if workersCome { host.joined() }
            now = now + RemoteHost.settled
            _ = host.ended(.exited(255), saying: nil, at: now)
            now = now + .seconds(16)
        }
    }

    @Test("one that went well for half a minute begins to count anew") func settled() {
        var host = RemoteHost("ada", at: start)
        outlive(&host, workersCome: true)
        #expect(host.outlook == .expected)
    }

    @Test("one whose workers never come in is given up, however long they try") func unreachable() {
        var host = RemoteHost("ada", at: start)
        outlive(&host, workersCome: false)
        #expect(host.state == .givenUp)
    }
}
