// UnheardConnections.swift · Wire/Sockets, used by Accepting. Which connections of strangers are let in and which are ended, decided: each
// accepted connection goes in, what to close comes out. Knows no socket, so its tests are plain values.

/// How many descriptors strangers may have, by the limit of the process (`ulimit -n`).
struct DescriptorBudget: Equatable, Sendable {
    /// Descriptors from this one on are kept for the store, child processes and local workers. The system gives out the lowest that is
    /// free, so a connection that gets this one or a later one shows that all below are taken.
    let reserveStart: Int
    /// Half of the reserve: what ends an older connection frees its descriptor a moment later, and a new one lies here until then.
    let end: Int
    /// Connections that have said nothing yet, at most: a host of 4,096 workers may start them all at once, and workers that have
    /// joined keep half of the descriptors.
    let mostUnheard: Int

    /// - Parameter limit: descriptors that the process may have open.
    init(limit: Int) {
        let reserve = min(256, limit / 4)
        reserveStart = limit - reserve
        end = limit - reserve / 2
        mostUnheard = max(1, min(4096, reserveStart / 2))
    }
}

/// Connections that have not said a frame yet. Only a peer that has authenticated can say one, so these are strangers, and workers for the
/// moment of their handshake. Where there are too many, the oldest are ended: a handshake takes milliseconds, and whoever is ended by
/// mistake connects again.
struct UnheardConnections {
    struct Connection: Hashable, Sendable {
        var descriptor: Int
        /// The inode of the socket. A descriptor is given out again after its connection has ended; this number is not.
        var socket: UInt
    }

    /// By descriptor, the socket of each connection that has not been heard.
    private var sockets: [Int: UInt] = [:]
    /// The same ones, the oldest first, and among them some that were heard or have ended.
    private var order: [Connection] = []

    /// Connections that were not heard and, as far as is known, have not ended.
    var count: Int { sockets.count }

    /// Decides about a connection that has just been accepted.
    /// - Parameter isOpen: whether a connection of before still has its descriptor.
    /// - Returns: whether the new one is let in, and which older ones are to be ended.
    mutating func admit(
        _ new: Connection, _ budget: DescriptorBudget, isOpen: (Connection) -> Bool
    ) -> (isAdmitted: Bool, ended: [Connection]) {
        var ended: [Connection] = []
        // An eighth at a time: then looking through all of them is rare, also while they come without end.
        if count >= budget.mostUnheard, forgetEnded(isOpen) >= budget.mostUnheard {
            ended = takeOldest(max(1, budget.mostUnheard / 8), isOpen)
        }
        if new.descriptor >= budget.reserveStart, ended.isEmpty { ended = takeOldest(1, isOpen) }
        guard new.descriptor < budget.reserveStart || new.descriptor < budget.end && !ended.isEmpty else { return (false, ended) }
        sockets[new.descriptor] = new.socket
        order.append(new)
        if order.count > 2 * count + 64 { order = order.filter(isUnheard) }
        return (true, ended)
    }

    /// A frame has come by this connection: it is not ended any more.
    mutating func heard(_ descriptor: Int) { sockets[descriptor] = nil }

    /// Keeps what all of them have sent below a bound: libzmq holds a frame of up to 8 MiB for each, and its sender need not have
    /// authenticated.
    /// - Parameters:
    ///   - most: bytes that all of them may have sent.
    ///   - received: bytes that have come by a connection; nil for one that has ended.
    /// - Returns: the connections to end, those first that have sent the most.
    mutating func takeGreediest(most: Int, received: (Connection) -> Int?) -> [Connection] {
        let sizes = order.filter(isUnheard).compactMap { connection in received(connection).map { (connection, size: $0) } }
        var total = sizes.reduce(0) { $0 + $1.size }
        guard total > most else { return [] }
        var taken: [Connection] = []
        for (connection, size) in sizes.sorted(by: { $0.size > $1.size }) where total > most {
            sockets[connection.descriptor] = nil
            taken.append(connection)
            total -= size
        }
        return taken
    }

    private func isUnheard(_ connection: Connection) -> Bool { sockets[connection.descriptor] == connection.socket }

    /// - Returns: how many are left.
    private mutating func forgetEnded(_ isOpen: (Connection) -> Bool) -> Int {
        order = order.filter { isUnheard($0) && isOpen($0) }
        sockets = Dictionary(order.map { ($0.descriptor, $0.socket) }) { _, last in last }
        return count
    }

    /// Removes the oldest ones that are open.
    private mutating func takeOldest(_ number: Int, _ isOpen: (Connection) -> Bool) -> [Connection] {
        var taken: [Connection] = [], seen = 0
        for connection in order where taken.count < number {
            seen += 1
            guard isUnheard(connection) else { continue }
            sockets[connection.descriptor] = nil
            if isOpen(connection) { taken.append(connection) }
        }
        order.removeFirst(seen)
        return taken
    }
}
