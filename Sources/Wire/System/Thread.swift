// Thread.swift · Wire/System. System threads, for work that would block Swift's cooperative pool: computing, waiting for signals, and
// work that a program does on all cores before anything else.

internal import Glibc
internal import Synchronization

/// Runs a closure on a detached system thread with a stack of the default size (8 MiB). Where the system allows no further thread, the
/// program ends with that reason and exit code 4: it cannot go on without one, and what it has stored is stored.
public func startThread(_ body: @escaping @Sendable () -> Void) {
    do { try tryThread(body) } catch {
        Console.writeLine("\(error)")
        Console.finish()
        _exit(4)
    }
}

/// As `startThread`, for a caller that can do without the thread.
func tryThread(_ body: @escaping @Sendable () -> Void) throws(ThreadError) { pthread_detach(try makeThread(body)) }

/// The system allows this process no further thread.
public struct ThreadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// errno of the thread that was not started.
    var code: CInt

    public var description: String {
        "no thread can be started (\(systemReason(code))): the limit of processes and threads of this user (ulimit -u), or of this "
            + "container or service (pids.max), is reached"
    }
}

/// Starts so many threads at once, and ends them: what others start behind our back, as libzmq does, aborts the process where it fails.
public func tryThreads(_ count: Int) throws(ThreadError) {
    let gate = Gate()
    var threads: [pthread_t] = []
    defer {
        gate.isOpen.store(true, ordering: .releasing)
        for thread in threads { pthread_join(thread, nil) }
    }
    for _ in 0..<count { threads.append(try makeThread { while !gate.isOpen.load(ordering: .acquiring) { usleep(100) } }) }
}

private final class Gate: Sendable { let isOpen = Atomic(false) }

/// Calls a closure for each number below `count`, each on a thread of its own, and waits for all of them. Where the system allows no further
/// thread, the calling one does the rest.
/// - Returns: the values in the order of the numbers.
public func inParallel<Part: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Part) -> [Part] {
    let computed = Parts<Part>()
    @Sendable func compute(_ number: Int) {
        let part = body(number)
        computed.parts.withLock { $0[number] = part }
    }
    let threads = (0..<count).compactMap { number -> pthread_t? in
        do { return try makeThread { compute(number) } } catch {
            compute(number)
            return nil
        }
    }
    for thread in threads { pthread_join(thread, nil) }
    return computed.parts.withLock { parts in (0..<count).map { parts[$0]! } }
}

private final class Parts<Part: Sendable>: Sendable { let parts = Mutex<[Int: Part]>([:]) }

/// Starts a thread that the caller has to detach or join.
private func makeThread(_ body: @escaping @Sendable () -> Void) throws(ThreadError) -> pthread_t {
    final class Body: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // Sound: the body is retained until the new thread takes it over, exactly once, or is released here where there is none.
    let retained = unsafe Unmanaged<AnyObject>.passRetained(Body(body))
    let code = unsafe pthread_create(
        &thread, nil,
        { pointer in
            let object = unsafe Unmanaged<AnyObject>.fromOpaque(pointer!).takeRetainedValue()
            (object as! Body).body()
            return nil
        }, retained.toOpaque())
    guard code == 0 else {
        unsafe retained.release()
        throw ThreadError(code: code)
    }
    return thread
}
