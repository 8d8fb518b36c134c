// Thread.swift · Wire/System. System threads, for work that would block Swift's cooperative pool: computing, waiting for signals, and
// work that a program does on all cores before anything else.

internal import Glibc
internal import Synchronization

/// Runs a closure on a detached system thread with a stack of the default size (8 MiB). Traps when the system has no thread left.
public func startThread(_ body: @escaping @Sendable () -> Void) { pthread_detach(makeThread(body)) }

/// Calls a closure for each number below `count`, each on a thread of its own, and waits for all of them.
/// - Returns: the values in the order of the numbers.
public func inParallel<Part: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Part) -> [Part] {
    let computed = Parts<Part>()
    let threads = (0..<count).map { number in
        makeThread {
            let part = body(number)
            computed.parts.withLock { $0[number] = part }
        }
    }
    for thread in threads { pthread_join(thread, nil) }
    return computed.parts.withLock { parts in (0..<count).map { parts[$0]! } }
}

private final class Parts<Part: Sendable>: Sendable { let parts = Mutex<[Int: Part]>([:]) }

/// Starts a thread that the caller has to detach or join.
private func makeThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    final class Body: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // Sound: the body is retained until the new thread takes it over, exactly once.
    let code = unsafe pthread_create(
        &thread, nil,
        { pointer in
            let object = unsafe Unmanaged<AnyObject>.fromOpaque(pointer!).takeRetainedValue()
            (object as! Body).body()
            return nil
        }, Unmanaged<AnyObject>.passRetained(Body(body)).toOpaque())
    precondition(code == 0, "pthread_create failed with code \(code): the system allows this process no further thread")
    return thread
}
