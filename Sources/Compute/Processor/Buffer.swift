// Buffer.swift · Compute/Processor. Aligned memory of a kernel, which its passes read and write at the same time.

/// Memory of a kernel: its passes read some buffers while they write others, which arrays that share one owner cannot do without
/// copies. Copies of the value share the memory; a kernel is never copied. Indices are in bounds because every buffer is made for
/// the padded sizes that the passes run over.
struct Buffer<Element> {
    /// Aligned to the element, at least to 64 bytes: no vector of lanes crosses a cache line more often than it must.
    let base: UnsafeMutablePointer<Element>
    private let owner: Owner

    private final class Owner {
        let memory: UnsafeMutableRawPointer
        init(_ memory: UnsafeMutableRawPointer) { self.memory = memory }
        deinit { memory.deallocate() }
    }

    /// - Parameter elements: of a trivial type (numbers, vectors): nothing is deinitialized.
    init(_ elements: [Element]) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, elements.count * MemoryLayout<Element>.stride), alignment: max(64, MemoryLayout<Element>.alignment))
        base = memory.initializeMemory(as: Element.self, from: elements, count: elements.count)
        owner = Owner(memory)
    }

    subscript(_ index: Int) -> Element {
        @inline(__always) get { base[index] }
        @inline(__always) nonmutating set { base[index] = newValue }
        @inline(__always) nonmutating _modify { yield &base[index] }
    }
}
