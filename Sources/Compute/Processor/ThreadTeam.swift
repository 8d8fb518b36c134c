// ThreadTeam.swift · Compute/Processor. The threads of one trial: loops whose iterations do not depend on each other are shared out among
// them. Who takes which part changes no bit, because each number is computed by one thread, in one order.

internal import Glibc
internal import Synchronization

/// The calling thread and `size` − 1 helpers, which end with the team. One thread at a time may call `share`.
final class ThreadTeam: Sendable {
    let size: Int
    /// Held by the helpers too, until they end.
    let state = State()

    /// - Parameter size: 1 for the calling thread alone. Fewer helpers come where the system has no room for another thread.
    init(size: Int) {
        var members = 1
        while members < size, Self.start(member: members, state) { members += 1 }
        self.size = members
    }

    deinit { state.post(nil, helpers: size - 1) }

    /// Calls `body` for ranges that make up 0..<count, in any order and on any thread of the team, and returns when all calls have.
    /// - Parameters:
    ///   - unit: every range begins at a multiple of it.
    ///   - body: gets a range and the number of the thread, from 0: memory that is scratch must be that thread's own.
    func share(_ count: Int, unit: Int = 1, _ body: (_ range: Range<Int>, _ member: Int) -> Void) {
        guard size > 1, count > unit else { return body(0..<count, 0) }
        // Four parts a thread: one that the system holds up holds up the others by a quarter of its share at most.
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
    /// What all members run at once, each with its number.
    fileprivate struct Job: @unchecked Sendable {
        let run: (Int) -> Void
    }

    final class State: @unchecked Sendable {
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>
        private let isPosted: UnsafeMutablePointer<pthread_cond_t>
        /// How many jobs there have been. It is written under the mutex, after `job`.
        private let posted = Atomic(0)
        /// Helpers that have not finished the last job.
        private let pending = Atomic(0)
        /// Where the first part begins that no member has taken.
        private let next = Atomic(0)
        /// Nil: the team ends.
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

        /// Waits for a job and does its part of it. Not inlined, so that a helper holds no closure of the caller's when it says that it
        /// has finished.
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
            // The next one mostly comes within microseconds; to sleep and to be woken costs as much as a layer.
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
                // A helper that is not running needs this core, perhaps.
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
                // As on the calling thread: the mode is each thread's own.
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
