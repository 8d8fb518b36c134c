// Thread.swift · Wire/System. Threads of the system for what must not share Swift's cooperative pool: compute and signals.

internal import Glibc

/// Runs a closure on a detached thread of the system with an ordinary stack (8 MiB).
public func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // Sound: the box is retained until the new thread takes it over, exactly once.
    let code = unsafe pthread_create(
        &thread, nil,
        { pointer in
            let box = unsafe Unmanaged<AnyObject>.fromOpaque(pointer!).takeRetainedValue()
            (box as! Box).body()
            return nil
        }, Unmanaged<AnyObject>.passRetained(Box(body)).toOpaque())
    precondition(code == 0, "pthread_create gave \(code): the box has no room for another thread")
    pthread_detach(thread)
}
