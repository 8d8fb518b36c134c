// ThreadTeam.swift · Compute/Processor. The threads that compute one trial. Loops with independent iterations are divided among them; the
// division changes no bit, because each number is computed by one thread, in one order.

internal import Glibc
internal import Synchronization

/// The calling thread and `size` − 1 helpers, which end with the team. One thread at a time may call `share`.
final class ThreadTeam: Sendable {
    let size: Int
    /// State that the calling thread and the helpers share; the helpers retain it until they end.
    let state = State()

    /// - Parameter size: the number of threads, 1 for the calling thread alone. The team is smaller where the system starts no more.
    init(size: Int) {
        var members = 1
        while members < size, Self.start(member: members, state) { members += 1 }
        self.size = members
    }

    deinit { state.post(nil, helpers: size - 1) }

    /// Calls `body` for ranges that make up 0..<count, in any order and on any thread of the team, and returns when all calls have.
    /// - Parameters:
    ///   - unit: every range begins at a multiple of this.
    ///   - body: is given a range and the number of the thread, from 0, by which it finds scratch memory of its own.
    func share(_ count: Int, unit: Int = 1, _ body: (_ range: Range<Int>, _ member: Int) -> Void) {
        guard size > 1, count > unit else { return body(0..<count, 0) }
        // Four parts for each thread: a thread that the system interrupts delays the others by a quarter of its share at most.
        let part = (count + 4 * size * unit - 1) / (4 * size * unit) * unit
        withoutActuallyEscaping(body) { body in
            let job = Job { [state] member in
                while let first = state.takePart(part, of: count) { body(first..<min(first + part, count), member) }
            }
            state.post(job, helpers: size - 1)
            job.run(0)
            state.awaitHelpers()
            state.forgetJob()
        }
    }
}

extension ThreadTeam {
    /// A loop that all threads run at the same time, each with its number.
    fileprivate struct Job: @unchecked Sendable {
        let run: (Int) -> Void
    }

    final class State: @unchecked Sendable {
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>
        private let isPosted: UnsafeMutablePointer<pthread_cond_t>
        /// Number of jobs so far. It is written under the mutex, after `job`.
        private let posted = Atomic(0)
        /// Number of helpers that have not finished the last job.
        private let pending = Atomic(0)
        /// First index that no thread has taken.
        private let next = Atomic(0)
        /// The current job; nil tells the helpers to end.
        private var job: Job?

        init() {
            mutex = .allocate(capacity: 1)
            isPosted = .allocate(capacity: 1)
            mutex.initialize(to: pthread_mutex_t())
            isPosted.initialize(to: pthread_cond_t())
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(isPosted, nil)
        }

        deinit {
            pthread_cond_destroy(isPosted)
            pthread_mutex_destroy(mutex)
            isPosted.deallocate()
            mutex.deallocate()
        }

        fileprivate func post(_ job: Job?, helpers: Int) {
            pthread_mutex_lock(mutex)
            self.job = job
            next.store(0, ordering: .relaxed)
            pending.store(helpers, ordering: .relaxed)
            posted.add(1, ordering: .releasing)
            pthread_cond_broadcast(isPosted)
            pthread_mutex_unlock(mutex)
        }

        /// Waits for a job and computes parts of it. Not inlined, so that a helper has released the caller's closure before it reports that
        /// it has finished.
        /// - Parameter number: from 1.
        /// - Returns: false at the end of the team.
        @inline(never)
        fileprivate func runJob(_ number: Int, member: Int) -> Bool {
            awaitJob(number)
            guard let job else { return false }
            job.run(member)
            return true
        }

        private func awaitJob(_ number: Int) {
            // The next job mostly comes within microseconds, and a sleep with its wake-up costs as much time as a layer.
            for _ in 0..<20_000 where posted.load(ordering: .acquiring) >= number { return }
            pthread_mutex_lock(mutex)
            while posted.load(ordering: .relaxed) < number { pthread_cond_wait(isPosted, mutex) }
            pthread_mutex_unlock(mutex)
        }

        fileprivate func forgetJob() { job = nil }

        fileprivate func takePart(_ size: Int, of count: Int) -> Int? {
            let first = next.add(size, ordering: .relaxed).oldValue
            return first < count ? first : nil
        }

        fileprivate func finish() { pending.subtract(1, ordering: .releasing) }

        fileprivate func awaitHelpers() {
            var looks = 0
            while pending.load(ordering: .acquiring) > 0 {
                looks += 1
                // After a long wait, a helper may need this core to run at all.
                if looks > 20_000 { sched_yield() }
            }
        }
    }

    private static func start(member: Int, _ state: State) -> Bool {
        final class Start {
            let member: Int, state: State
            init(_ member: Int, _ state: State) { (self.member, self.state) = (member, state) }
        }
        let start = Unmanaged.passRetained(Start(member, state))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { pointer in
                let start = Unmanaged<AnyObject>.fromOpaque(pointer!).takeRetainedValue() as! Start
                // The floating-point mode belongs to a thread, so helpers set the one that `run` sets for its caller.
                withFlushedDenormals {
                    var number = 1
                    while start.state.runJob(number, member: start.member) {
                        start.state.finish()
                        number += 1
                    }
                }
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
