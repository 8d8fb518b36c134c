// CurveTests.swift · Tests/WireTests. Keys, and who gets through the gate: real sockets, real handshakes.

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Vocabulary
@testable import Wire

/// How long a test waits for what must happen, and how long it looks for what must not.
private let patience: Duration = .seconds(20), glance: Duration = .milliseconds(700)

@Suite("Keys") struct KeyTests {
    @Test("a secret key written and read is the same pair, and another one is another pair") func readBack() {
        let key = SecretKey.random()
        #expect(SecretKey(hexadecimal: key.secretText) == key)
        #expect(SecretKey.random().publicKey != key.publicKey)
        #expect(PublicKey(hexadecimal: "\(key.publicKey)") == key.publicKey)
        for text in ["", "00", key.secretText + "00", "x" + key.secretText.dropFirst()] { #expect(SecretKey(hexadecimal: text) == nil) }
    }

    @Test("a secret does not show itself in a description, a dump or what holds it") func shy() {
        let key = SecretKey.random()
        var dumped = ""
        dump(key, to: &dumped)
        let invitation = Invitation(endpoint: "tcp://a:1", coordinator: key.publicKey, key: key)
        for text in ["\(key)", String(reflecting: key), dumped, "\(invitation)", String(reflecting: [invitation])] {
            #expect(!text.contains(key.secretText))
        }
    }

    @Test("an invitation is one word that reads back, and nothing else is one") func invitation() {
        let invitation = Invitation(endpoint: "tcp://ada:5577", coordinator: SecretKey.random().publicKey, key: .random())
        #expect(!invitation.secretText.contains(" "))
        #expect(Invitation(" \(invitation.secretText)\n") == invitation)
        for text in ["", "tcp://ada:5577", "a,b,c", invitation.secretText + ",", String(invitation.secretText.dropLast())] {
            #expect(Invitation(text) == nil)
        }
    }

    @Test("a private file is read back, and refused with any right of another", arguments: [0o640, 0o604, 0o620, 0o602, 0o644, 0o777])
    func looserMode(mode: Int) throws {
        let folder = try TemporaryFolder(), path = folder.path(of: "secret")
        try PrivateFile.write("secret\n", to: path)
        #expect(try PrivateFile.read(path) == "secret\n")
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        chmod(path, mode_t(mode))
        #expect(throws: PrivateFileError.open(path: path, reason: "has mode 0\(String(mode, radix: 8))")) { try PrivateFile.read(path) }
    }

    @Test("a private file is no link, and its directory is its owner's alone") func links() throws {
        let outer = try TemporaryFolder(), folder = outer.path(of: "private")
        try PrivateFile.makeDirectory(folder)
        try PrivateFile.write("secret", to: folder + "/a")
        symlink(folder + "/a", folder + "/b")
        #expect(throws: PrivateFileError.self) { try PrivateFile.read(folder + "/b") }
        #expect(throws: PrivateFileError.missing(path: folder + "/c")) { try PrivateFile.read(folder + "/c") }
        chmod(folder, 0o750)
        #expect(throws: PrivateFileError.self) { try PrivateFile.makeDirectory(folder) }
    }
}

/// A ROUTER with a key, and dealers that try it.
private struct KeyedRouter: ~Copyable {
    var router: RouterSocket
    let endpoint: String
    let key: SecretKey
    private let wakeSignal: WakeSignal

    init() throws {
        let wakeSignal = try WakeSignal(), key = SecretKey.random()
        let router = try RouterSocket(in: try Context())
        let endpoint = try router.bind("tcp://127.0.0.1:*", admitting: .keys(key))
        self.router = router
        self.wakeSignal = wakeSignal
        (self.endpoint, self.key) = (endpoint, key)
    }

    func dealer(_ own: SecretKey, coordinator: PublicKey? = nil) throws -> DealerSocket {
        try DealerSocket(
            invitedBy: Invitation(endpoint: endpoint, coordinator: coordinator ?? key.publicKey, key: own), in: try Context())
    }

    /// Lets the dealer say a frame as soon as it can, and hears what comes in the meantime.
    func hear(_ dealer: borrowing DealerSocket, saying frame: [UInt8], within time: Duration) throws -> (route: Route, frame: [UInt8])? {
        let stopwatch = Stopwatch()
        var isSaid = false
        while stopwatch.now.sinceStart < time {
            if !isSaid { do { try dealer.send(frame); isSaid = true } catch SocketError.notNow {} }
            if let heard = try router.receive() { return heard }
            try Poller.wait(for: router, or: wakeSignal, atMost: .milliseconds(10))
        }
        return nil
    }
}

@Suite("Keys of a ROUTER: who may connect") struct RouterKeyTests {
    @Test("a key that is allowed comes in, and every frame says whose it is") func allowed() throws {
        let keyed = try KeyedRouter()
        let ada = SecretKey.random(), bob = SecretKey.random()
        for key in [ada, bob] { keyed.router.allow(key.publicKey) }
        for key in [ada, bob] {
            let dealer = try keyed.dealer(key)
            let heard = try #require(try keyed.hear(dealer, saying: [1], within: patience))
            #expect(heard.frame == [1])
            #expect(heard.route.peer == .key(key.publicKey))
        }
    }

    @Test("a key that is not allowed stays out, although it knows the coordinator's, and is told of") func unknownKey() throws {
        let keyed = try KeyedRouter()
        let key = SecretKey.random()
        let dealer = try keyed.dealer(key)
        #expect(try keyed.hear(dealer, saying: [1], within: glance) == nil)
        let refusals = keyed.router.refusals()
        #expect(refusals.first?.key == key.publicKey)
        #expect(refusals.first?.address == "127.0.0.1")
        #expect(keyed.router.refusals().isEmpty)
    }

    @Test("nor does an allowed key with another coordinator's in mind, or one who has none") func wrongHandshakes() throws {
        let keyed = try KeyedRouter()
        let key = SecretKey.random()
        keyed.router.allow(key.publicKey)
        let mistaken = try keyed.dealer(key, coordinator: SecretKey.random().publicKey)
        #expect(try keyed.hear(mistaken, saying: [1], within: glance) == nil)
        let plain = try DealerSocket(connectedTo: keyed.endpoint, in: try Context())
        #expect(try keyed.hear(plain, saying: [1], within: glance) == nil)
    }

    @Test("a key that is withdrawn is not heard from the next frame on, hears nothing, and does not come back") func denied() throws {
        let keyed = try KeyedRouter()
        let key = SecretKey.random()
        keyed.router.allow(key.publicKey)
        let dealer = try keyed.dealer(key)
        let route = try #require(try keyed.hear(dealer, saying: [1], within: patience)).route
        keyed.router.deny(key.publicKey)
        #expect(throws: SocketError.unknownPeer) { try keyed.router.send([2], to: route) }
        #expect(try keyed.hear(dealer, saying: [3], within: glance) == nil)
        #expect(try dealer.receive() == nil)
        // Its connection is closed by now, and a new one is turned away.
        #expect(try keyed.hear(dealer, saying: [4], within: glance) == nil)
        #expect(throws: SocketError.notNow) { try dealer.send([5]) }
        keyed.router.allow(key.publicKey)
        let again = try keyed.dealer(key)
        #expect(try keyed.hear(again, saying: [6], within: patience)?.frame == [6])
    }

    @Test("a peer that takes another's routing id gets nothing of what is that one's") func stolenRoutingID() throws {
        let keyed = try KeyedRouter()
        let ada = SecretKey.random(), mallory = SecretKey.random()
        for key in [ada, mallory] { keyed.router.allow(key.publicKey) }
        let honest = try keyed.dealer(ada)
        let route = try #require(try keyed.hear(honest, saying: [1], within: patience)).route
        let thief = try Socket.make(.dealer, in: try Context())
        for (option, value) in [
            (CInt(5), route.bytes), (50, keyed.key.publicKey.bytes), (48, mallory.publicKey.bytes), (49, mallory.bytes),
        ] { try thief.set(option, value) }
        try thief.connect(keyed.endpoint)
        let stopwatch = Stopwatch()
        let wakeSignal = try WakeSignal()
        while stopwatch.now.sinceStart < glance {
            try? thief.send([[2]])
            if let heard = try keyed.router.receive() {
                #expect(heard.route.peer == .key(mallory.publicKey) && heard.route.bytes != route.bytes)
            }
            try keyed.router.send([3], to: route)
            #expect(try thief.receive() == nil)
            try Poller.wait(for: wakeSignal, atMost: .milliseconds(20))
        }
        #expect(try honest.receive() == [3])
    }

    @Test("a connection without a key that is cut off is not heard again, and others of its kind are") func cutOff() throws {
        var keyed = try KeyedRouter()
        let plain = try keyed.router.bind("tcp://127.0.0.1:*", admitting: .anyone)
        let first = try DealerSocket(connectedTo: plain, in: try Context())
        let route = try #require(try keyed.hear(first, saying: [1], within: patience)).route
        #expect(route.peer == .plain)
        keyed.router.cutOff(route)
        #expect(try keyed.hear(first, saying: [2], within: .milliseconds(50)) == nil)
        let second = try DealerSocket(connectedTo: plain, in: try Context())
        #expect(try keyed.hear(second, saying: [3], within: patience)?.frame == [3])
    }
}
