// SerialThread.swift · Wire/System. A thread that does one thing after the other for another one, which need not wait for it.

/// Runs closures on a thread of its own, in the order in which they were posted.
public final class SerialThread: Sendable {
    private struct State: Sendable {
        var tasks: [@Sendable () -> Void] = []
        var isBusy = false
        var mustEnd = false

        var isIdle: Bool { tasks.isEmpty && !isBusy }
    }

    private let state = Monitor(State())

    public init() { startThread { [state] in Self.work(state) } }

    /// The thread ends after what was posted, and nobody waits for that here.
    deinit { state.change { $0.mustEnd = true } }

    /// May be called on any thread.
    public func post(_ task: @escaping @Sendable () -> Void) { state.change { $0.tasks.append(task) } }

    /// Whether everything that was posted is done.
    public var isIdle: Bool { state.change { $0.isIdle } }

    /// Waits until everything that was posted is done, or the time is up.
    public func waitUntilIdle(atMost timeout: Duration) { _ = state.wait(atMost: timeout) { $0.isIdle ? () : nil } }

    private static func work(_ state: Monitor<State>) {
        while true {
            // Nil once it has to end.
            var next = state.wait { state -> [@Sendable () -> Void]? in
                guard !state.tasks.isEmpty else { return state.mustEnd ? [] : nil }
                state.isBusy = true
                return [state.tasks.removeFirst()]
            }
            guard next?.first != nil else { return }
            next?.first?()
            // What the task held is let go before anybody is told that it is done.
            next = nil
            state.change { $0.isBusy = false }
        }
    }
}
