// Thread.swift · Wire/System. Threads of the system for what must not share Swift's cooperative pool: compute and signals; and for what
// has to be done on all cores before anything else.

internal import Glibc
internal import Synchronization

/// Runs a closure on a detached thread of the system with an ordinary stack (8 MiB).
public func startThread(_ body: @escaping @Sendable () -> Void) { pthread_detach(makeThread(body)) }

/// What a closure gives for each number below `count`, in their order, each found on a thread of its own.
public func inParallel<Part: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Part) -> [Part] {
    let found = Found<Part>()
    let threads = (0..<count).map { number in
        makeThread {
            let part = body(number)
            found.parts.withLock { $0[number] = part }
        }
    }
    for thread in threads { pthread_join(thread, nil) }
    return found.parts.withLock { parts in (0..<count).map { parts[$0]! } }
}

private final class Found<Part: Sendable>: Sendable { let parts = Mutex<[Int: Part]>([:]) }

/// To be detached or joined.
private func makeThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // Sound: the host is retained until the new thread takes it over, exactly once.
    let code = unsafe pthread_create(
        &thread, nil,
        { pointer in
            let host = unsafe Unmanaged<AnyObject>.fromOpaque(pointer!).takeRetainedValue()
            (host as! Box).body()
            return nil
        }, Unmanaged<AnyObject>.passRetained(Box(body)).toOpaque())
    precondition(code == 0, "pthread_create gave \(code): the host has no room for another thread")
    return thread
}
