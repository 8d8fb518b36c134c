// SimulatedNetwork.swift · Tests/SimulationTests. Connections between workers and a coordinator as ZeroMQ gives them: in order within
// a connection, in any order between two, lost with the connection. Frames that the protocol does not depend on are lost at other times too.

import Vocabulary
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
        /// In the order in which they arrive.
        private(set) var flights: [Flight] = []
        /// When the first of them arrives. Kept beside them, since it is needed at every step of the simulation.
        private(set) var nextArrival: Instant?
        /// The end of a partition: nothing arrives before.
        private var stalledUntil = Instant(sinceStart: .zero)

        mutating func add(_ frame: Frame, copies: Int, after latency: Duration, at now: Instant) {
            let arrival = max(now + latency, flights.last?.arrival ?? now, stalledUntil)
            for _ in 0..<copies { flights.append(Flight(frame: frame, arrival: arrival)) }
            nextArrival = flights.first?.arrival
        }

        mutating func removeFirst() -> Frame {
            defer { nextArrival = flights.first?.arrival }
            return flights.removeFirst().frame
        }

        mutating func keep(_ count: Int) {
            flights = Array(flights.prefix(count))
            nextArrival = flights.first?.arrival
        }

        mutating func stall(until: Instant) {
            stalledUntil = until
            for flight in flights.indices { flights[flight].arrival = max(flights[flight].arrival, until) }
            nextArrival = flights.first?.arrival
        }
    }

    /// Towards the coordinator, or back.
    enum Direction { case up, down }

    struct Connection {
        /// Number of the worker's process.
        let worker: Int
        let route: Route
        /// Frames to the coordinator, and frames to the worker.
        var up = Lane(), down = Lane()
        /// The worker has another connection or none by now; what is under way may still arrive.
        var isClosed = false
    }

    private(set) var connections: [Connection] = []
    private var nextRoute: UInt8 = 1
    private var nextRouteHigh: UInt8 = 0
    /// When false, every frame arrives once, after a millisecond.
    var isHostile: Bool

    init(isHostile: Bool) { self.isHostile = isHostile }

    mutating func open(for worker: Int, as peer: Peer = .local) -> Route {
        let route = Route([nextRouteHigh, nextRoute], peer: peer)
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
        connections[index].down.keep(0)
        connections[index].up.keep(kept)
        prune(index)
    }

    mutating func closeAll() { connections = [] }

    mutating func stall(_ route: Route, until: Instant) {
        stall(route, until: until, .up)
        stall(route, until: until, .down)
    }

    /// Delays frames in one direction only: one side hears the other and is not heard.
    mutating func stall(_ route: Route, until: Instant, _ direction: Direction) {
        guard let index = index(of: route) else { return }
        switch direction {
        case .up: connections[index].up.stall(until: until)
        case .down: connections[index].down.stall(until: until)
        }
    }

    /// The connection whose next frame arrives at the coordinator first, if that is not after a time.
    func nextArrival(by now: Instant) -> Route? {
        var first: (arrival: Instant, route: Route)?
        for index in connections.indices {
            guard let arrival = connections[index].up.nextArrival, arrival <= now, arrival < first?.arrival ?? .distantFuture else {
                continue
            }
            first = (arrival, connections[index].route)
        }
        return first?.route
    }

    func worker(at route: Route) -> Int? { index(of: route).map { connections[$0].worker } }

    mutating func send(_ frame: Frame, up route: Route, at now: Instant, _ dice: inout Dice) {
        guard let index = index(of: route) else { return }
        let (latency, copies) = delivery(of: frame, &dice)
        connections[index].up.add(frame, copies: copies, after: latency, at: now)
    }

    mutating func send(_ frame: Frame, down route: Route, at now: Instant, _ dice: inout Dice) {
        // With ROUTER_MANDATORY the socket says that the peer is gone, and the loop drops the frame.
        guard let index = index(of: route), !connections[index].isClosed else { return }
        let (latency, copies) = delivery(of: frame, &dice)
        connections[index].down.add(frame, copies: copies, after: latency, at: now)
    }

    private func delivery(of frame: Frame, _ dice: inout Dice) -> (latency: Duration, copies: Int) {
        guard isHostile else { return (.milliseconds(1), 1) }
        let latency = dice.chance(perThousand: 30) ? dice.milliseconds(300...2500) : dice.milliseconds(0...40)
        var copies = 1
        if dice.chance(perThousand: 40) { copies = 2 }
        if frame.mayBeLost, dice.chance(perThousand: 60) { copies = 0 }
        return (latency, copies)
    }

    /// Takes the next frame out of a connection that has one.
    mutating func receive(_ direction: Direction, of route: Route) -> Frame {
        let index = index(of: route)!
        let frame = direction == .up ? connections[index].up.removeFirst() : connections[index].down.removeFirst()
        prune(index)
        return frame
    }

    private mutating func prune(_ index: Int) {
        if connections[index].isClosed, connections[index].up.nextArrival == nil { connections.remove(at: index) }
    }

    private func index(of route: Route) -> Int? { connections.indices.first { connections[$0].route == route } }
}

extension SimulatedNetwork.Frame {
    /// Whether the protocol promises to live with the loss of this frame. All others are lost only with their connection.
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
