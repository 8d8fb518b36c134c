// OutputQueue.swift · Wire/System. A descriptor that is written to by a thread of its own, so that a terminal that stands still (Ctrl-S)
// or a pipe that nobody reads stops nobody else.

internal import Glibc

/// Text on its way to a terminal, pipe or file. `write` never waits for a reader that does not read.
final class OutputQueue: Sendable {
    private struct State: Sendable {
        var pending: PendingOutput
        var hasThread = false
        /// The system allows this process no further thread: whoever writes waits for the reader.
        var isAlone = false
        /// The thread is in the middle of writing.
        var isWriting = false
        /// Pieces that were written so far.
        var pieces = 0
        /// errno of the first write that failed; 0 while none has.
        var error: CInt = 0
        /// Somebody waited in vain since everything was written last: the reader does not read.
        var isStuck = false

        var isIdle: Bool { pending.isEmpty && !isWriting }
    }

    private let descriptor: CInt
    private let state: Monitor<State>

    /// 20 ms: whatever takes output at all takes a line sooner. It keeps the order of what this process prints on stderr and on stdout.
    private static let courtesy: Duration = .milliseconds(20)

    /// - Parameter limit: how many bytes wait at most; what comes while as many wait is left out and counted.
    init(to descriptor: CInt, limit: Int) {
        self.descriptor = descriptor
        state = Monitor(State(pending: PendingOutput(limit: limit)))
    }

    /// Adds a text. Returns when it is written, or, where the reader does not read, at once.
    func write(_ text: String) { add { $0.add(text) } }

    /// Shows a progress bar, in the place of one that has not been written yet.
    func draw(_ text: String) { add { $0.draw(text) } }

    private func add(_ change: (inout PendingOutput) -> Void) {
        let (needsThread, isStuck) = state.change { state in
            change(&state.pending)
            defer { state.hasThread = true }
            return (!state.hasThread, state.isStuck)
        }
        if needsThread {
            do { try tryThread { [self] in writeForEver() } } catch { state.change { $0.isAlone = true } }
        }
        if state.change({ $0.isAlone }) { return write(state.change { $0.pending.takeAll() }) }
        guard !isStuck, state.wait(atMost: Self.courtesy, { $0.isIdle ? true : nil }) == nil else { return }
        state.change { $0.isStuck = !$0.isIdle }
    }

    /// Waits until everything is written.
    /// - Parameter patience: for how long nothing may be taken before this gives up.
    /// - Returns: whether everything was written.
    @discardableResult func finish(patience: Duration) -> Bool {
        var seen = state.change { $0.pieces }
        while true {
            let now = state.wait(atMost: patience) { state in state.isIdle || state.pieces != seen ? (state.isIdle, state.pieces) : nil }
            guard let now else { return false }
            if now.0 { return true }
            seen = now.1
        }
    }

    /// errno of the first write that failed; 0 while none has.
    var error: CInt { state.change { $0.error } }

    private func writeForEver() {
        // No signal is for this thread. A terminal that stops background jobs (stty tostop) would else stop the process.
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe _ = pthread_sigmask(SIG_BLOCK, &all, nil)
        while true {
            let text = state.wait { state -> [UInt8]? in
                guard !state.pending.isEmpty else { return nil }
                state.isWriting = true
                return state.pending.takeAll()
            }
            write(text ?? [])
            state.change { state in
                state.isWriting = false
                if state.isIdle { state.isStuck = false }
            }
        }
    }

    /// Writes in pieces that a pipe takes whole. A reader that is gone, or a disk that is full, costs what is written now and no more: the
    /// next text is tried again.
    private func write(_ text: [UInt8]) {
        var rest = text[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(4096)), code = FileBytes.write(piece, to: descriptor)
            guard code == 0 else { return state.change { if $0.error == 0 { $0.error = code } } }
            rest = rest.dropFirst(piece.count)
            state.change { $0.pieces += 1 }
        }
    }
}
