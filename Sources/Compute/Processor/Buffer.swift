// Buffer.swift · Compute/Processor. Aligned memory for kernels.

/// Memory of a kernel, whose passes read some buffers while they write others; arrays as properties of one struct would be copied for
/// that. Copies of the value share the memory; a kernel is never copied. Subscripts are not checked: every buffer is made for the padded
/// sizes over which the passes run.
struct Buffer<Element> {
    /// The first element, aligned to the element's size, at least to 64 bytes, so that as few vectors as possible cross a cache line.
    let base: UnsafeMutablePointer<Element>
    private let owner: Owner

    private final class Owner {
        let memory: UnsafeMutableRawPointer
        init(_ memory: UnsafeMutableRawPointer) { self.memory = memory }
        deinit { memory.deallocate() }
    }

    /// - Parameter elements: numbers or vectors of them; no destructor of an element is ever called.
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
