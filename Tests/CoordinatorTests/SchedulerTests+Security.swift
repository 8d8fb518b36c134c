// SchedulerTests+Security.swift · Tests/CoordinatorTests. Peers that are not what they say, and commands of a person.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: keys, malformed frames, commands") struct SchedulerSecurityTests {
    private let own = Peer.key(SecretKey.random().publicKey), other = Peer.key(SecretKey.random().publicKey)

    @Test("a worker's id under another key is refused, and the worker keeps its leases") func stolenID() {
        var driver = SchedulerDriver()
        let mine = Route([1], peer: own), theirs = Route([2], peer: other)
        _ = driver.join(ada, at: mine, credits: 1)
        let leases = driver.scheduler.workers[ada]!.leases
        #expect(!leases.isEmpty)
        let effects = driver.hear(.hello(driver.hello(ada)), from: theirs)
        let reason = "worker \(ada) has joined with another key"
        #expect(effects == [driver.send(.refused(reason: reason), to: theirs), .notice(.refused(theirs, reason: reason), from: other)])
        #expect(driver.scheduler.workers[ada]!.route == mine)
        #expect(driver.scheduler.workers[ada]!.leases == leases)
        // With its own key it comes back on a new connection.
        #expect(
            driver.hear(.hello(driver.hello(ada)), from: Route([3], peer: own)).contains {
                if case .send(_, Route([3], peer: own)) = $0 { true } else { false }
            })
        #expect(driver.scheduler.workers[ada]!.route == Route([3], peer: own))
    }

    @Test("the hundredth malformed frame cuts a key off, over however many connections, and frees its leases") func cutOff() {
        var driver = SchedulerDriver()
        let route = Route([1], peer: own)
        _ = driver.join(ada, at: route, credits: 1)
        let waiting = driver.scheduler.trials.queue.count
        for count in 1..<Limits.malformedFrames {
            let from = Route([UInt8(count)], peer: own)
            let effects = driver.handle(.unreadable(.malformed(reason: "noise"), from: from))
            #expect(effects == [driver.send(.dropped(reason: "noise"), to: from), .notice(.malformed(from, reason: "noise"), from: own)])
        }
        let last = Route([200], peer: own)
        let effects = driver.handle(.unreadable(.malformed(reason: "noise"), from: last))
        #expect(
            effects == [
                driver.send(.dropped(reason: "noise"), to: last), .notice(.malformed(last, reason: "noise"), from: own),
                .notice(.cutOff(last, malformed: Limits.malformedFrames)), .cutOff(last),
                .notice(.left(ada, host: "ada", reason: "cut off"), from: own),
            ])
        #expect(driver.scheduler.workers.isEmpty)
        #expect(driver.scheduler.trials.queue.count > waiting)
    }

    @Test("malformed frames of one connection without a key do not count against another") func eachItsOwn() {
        var driver = SchedulerDriver()
        for _ in 1..<Limits.malformedFrames { _ = driver.handle(.unreadable(.malformed(reason: "noise"), from: routeA)) }
        #expect(!driver.handle(.unreadable(.malformed(reason: "noise"), from: routeB)).contains(.cutOff(routeB)))
        #expect(driver.handle(.unreadable(.malformed(reason: "noise"), from: routeA)).contains(.cutOff(routeA)))
    }

    @Test("a command is executed for this user's programs on this host, and for nobody else") func commands() {
        var driver = SchedulerDriver()
        #expect(driver.hear(.command(.list), from: routeA) == [.execute(.list, from: routeA)])
        for peer in [own, .plain] {
            let route = Route([9], peer: peer)
            #expect(!driver.hear(.command(.remove("ada")), from: route).contains { if case .execute = $0 { true } else { false } })
        }
    }

    @Test("a worker that a person drains is told on each of its connections and keeps its leases") func drain() {
        var driver = SchedulerDriver()
        _ = driver.join(ada, at: routeA, credits: 2)
        let leases = driver.scheduler.workers[ada]!.leases
        #expect(driver.handle(.drainWorker(ada)) == [driver.send(.drain, to: routeA)])
        #expect(driver.scheduler.workers[ada]!.leases == leases)
        #expect(driver.handle(.drainWorker(bob)) == [])
        // The message may have been lost with the connection.
        let held = Dictionary(uniqueKeysWithValues: leases.map { ($0, driver.keys(driver.scheduler.leases[$0]!.trials)) })
        let again = driver.hear(.hello(driver.hello(ada, held: held)), from: routeC)
        #expect(again == [driver.welcome(keep: leases.sorted(), to: routeC), driver.send(.drain, to: routeC)])
        #expect(driver.scheduler.workers[ada]!.leases == leases)
    }

    @Test("a removed worker is told to stop everything, and its trials go to another one at once") func remove() {
        var driver = SchedulerDriver(groups: 1)
        _ = driver.join(ada, at: routeA, credits: 4)
        _ = driver.join(bob, at: routeB, credits: 4)
        let held = driver.scheduler.workers[ada]!.leases.sorted()
        #expect(!held.isEmpty)
        let effects = driver.handle(.removeWorker(ada))
        let first =
            held.map { driver.send(.cancel($0), to: routeA) } + [
                driver.send(.drain, to: routeA), driver.send(.refused(reason: "removed"), to: routeA),
                .notice(.left(ada, host: "ada", reason: "removed")),
            ]
        #expect(Array(effects.prefix(first.count)) == first)
        #expect(
            effects.dropFirst(first.count).contains {
                if case .send(let envelope, routeB) = $0, case .lease = envelope.message { true } else { false }
            })
        #expect(driver.scheduler.workers[ada] == nil)
    }
}
