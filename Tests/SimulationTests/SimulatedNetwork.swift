// SimulatedNetwork.swift · Tests/SimulationTests. Connections between workers and a coordinator as ZeroMQ gives them: in order within
// a connection, in any order between two, lost with the connection. What the protocol lets be lost is lost without that as well.

import Wire

struct SimulatedNetwork {
    /// What a receiver gets of a frame.
    enum Frame {
        case envelope(Envelope)
        case unreadable(MessageError)
    }

    struct Flight {
        var frame: Frame
        var arrival: Instant
    }

    /// One direction of a connection.
    struct Lane {
        /// In order.
        var flights: [Flight] = []
        /// A partition: nothing arrives before.
        var stalledUntil = Instant(sinceStart: .zero)

        var first: Flight? { flights.first }
    }

    struct Connection {
        /// Number of the worker's process.
        let worker: Int
        let route: Route
        /// To the coordinator and back.
        var up = Lane(), down = Lane()
        /// The worker has another one or none by now; what is under way may still arrive.
        var isClosed = false
    }

    private(set) var connections: [Connection] = []
    private var nextRoute: UInt8 = 1
    private var nextRouteHigh: UInt8 = 0
    /// Off: everything arrives once, in a millisecond.
    var isHostile: Bool

    init(isHostile: Bool) { self.isHostile = isHostile }

    mutating func open(for worker: Int) -> Route {
        let route = Route([nextRouteHigh, nextRoute])
        if nextRoute == 255 { nextRouteHigh += 1 }
        nextRoute &+= 1
        connections.append(Connection(worker: worker, route: route))
        return route
    }

    /// Closes a connection. Of what is under way to the coordinator only a part arrives, of the other direction nothing.
    /// - Parameter kept: how many frames still arrive.
    mutating func close(_ route: Route, kept: Int = .max) {
        guard let index = index(of: route) else { return }
        connections[index].isClosed = true
        connections[index].down.flights = []
        connections[index].up.flights = Array(connections[index].up.flights.prefix(kept))
        prune()
    }

    mutating func closeAll() { connections = [] }

    mutating func stall(_ route: Route, until: Instant) {
        stall(route, until: until, \.up)
        stall(route, until: until, \.down)
    }

    /// In one direction only: the other side hears and is not heard.
    mutating func stall(_ route: Route, until: Instant, _ direction: WritableKeyPath<Connection, Lane>) {
        guard let index = index(of: route) else { return }
        connections[index][keyPath: direction].stalledUntil = until
        for flight in connections[index][keyPath: direction].flights.indices {
            let arrival = connections[index][keyPath: direction].flights[flight].arrival
            connections[index][keyPath: direction].flights[flight].arrival = max(arrival, until)
        }
    }

    func worker(at route: Route) -> Int? { index(of: route).map { connections[$0].worker } }

    mutating func send(_ frame: Frame, up route: Route, at now: Instant, _ dice: inout Dice) { send(frame, \.up, route, now, &dice) }

    mutating func send(_ frame: Frame, down route: Route, at now: Instant, _ dice: inout Dice) {
        // ROUTER_MANDATORY: the peer is gone and the loop drops the frame.
        guard let index = index(of: route), !connections[index].isClosed else { return }
        send(frame, \.down, route, now, &dice)
    }

    private mutating func send(
        _ frame: Frame, _ direction: WritableKeyPath<Connection, Lane>, _ route: Route, _ now: Instant, _ dice: inout Dice
    ) {
        guard let index = index(of: route) else { return }
        var latency = Duration.milliseconds(1), copies = 1
        if isHostile {
            latency = dice.chance(perThousand: 30) ? dice.milliseconds(300...2500) : dice.milliseconds(0...40)
            if dice.chance(perThousand: 40) { copies = 2 }
            if frame.mayBeLost, dice.chance(perThousand: 60) { copies = 0 }
        }
        let last = connections[index][keyPath: direction].flights.last?.arrival ?? now
        let arrival = max(now + latency, last, connections[index][keyPath: direction].stalledUntil)
        for _ in 0..<copies { connections[index][keyPath: direction].flights.append(Flight(frame: frame, arrival: arrival)) }
    }

    /// Takes the next frame out.
    mutating func receive(_ direction: WritableKeyPath<Connection, Lane>, of route: Route) -> Frame {
        let frame = connections[index(of: route)!][keyPath: direction].flights.removeFirst().frame
        prune()
        return frame
    }

    private mutating func prune() { connections.removeAll { $0.isClosed && $0.up.flights.isEmpty } }

    private func index(of route: Route) -> Int? { connections.firstIndex { $0.route == route } }
}

extension SimulatedNetwork.Frame {
    /// The protocol promises to live with the loss of these alone; all others are lost only with their connection.
    fileprivate var mayBeLost: Bool {
        guard case .envelope(let envelope) = self else { return true }
        return switch envelope.message {
        case .hello, .welcome, .introduce, .progress, .heartbeat, .dropped, .dataRequest, .dataChunk: true
        case .checkpoint, .checkpointAnswer, .ready, .results, .goodbye, .refused, .lease, .cancel, .drain, .acknowledged, .command,
            .answer:
            false
        }
    }
}
