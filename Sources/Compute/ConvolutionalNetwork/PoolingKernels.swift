// PoolingKernels.swift · Compute/ConvolutionalNetwork. ReLU and pooling of a convolution's output, and the lists of the pixels that pass
// both, which the backward pass and the tangents read.

internal import Vocabulary

/// Computes the ReLU of the largest pixel of each window, or of each pixel if `pool` is none.
/// - Parameters:
///   - z: [side][side][channels], channels a multiple of 8.
///   - patchOffsets: the offset of each of the side² pixels' patches.
///   - output: the activation of window (y, x) begins at y·rowStride + x·channels.
///   - winners: [windows][channels]; the patch offset of the pixel that is passed on, −1 where nothing is above 0.
func activate(
    _ z: UnsafePointer<Float>, side: Int, channels: Int, pool: Pooling, patchOffsets: UnsafePointer<Int32>,
    output: UnsafeMutablePointer<Float>, rowStride: Int, winners: UnsafeMutablePointer<Int32>
) {
    let step = pool == .max ? 2 : 1
    var winner = winners
    for y in stride(from: 0, to: side, by: step) {
        var to = output + y / step * rowStride
        for x in stride(from: 0, to: side, by: step) {
            let pixel = y * side + x
            let first = z + pixel * channels
            for c in stride(from: 0, to: channels, by: 8) {
                var largest = load(first + c)
                var offset = SIMD8<Int32>(repeating: patchOffsets[pixel])
                if step == 2 {
                    for other in 1..<4 {
                        let away = other / 2 * side + other % 2
                        let candidate = load(first + away * channels + c)
                        let isLarger = candidate .> largest
                        largest = largest.replacing(with: candidate, where: isLarger)
                        offset = offset.replacing(with: SIMD8(repeating: patchOffsets[pixel + away]), where: isLarger)
                    }
                }
                let isAlive = largest .> 0
                store(Vector().replacing(with: largest, where: isAlive), to + c)
                UnsafeMutableRawPointer(winner + c).storeBytes(
                    of: SIMD8<Int32>(repeating: -1).replacing(with: offset, where: isAlive), as: SIMD8<Int32>.self)
            }
            to += channels
            winner += channels
        }
    }
}

/// The lists of all channels of a layer for a batch of images.
struct PatchLists {
    let channels: Int
    /// Capacity of a list: the windows of an image, rounded up to a multiple of eight.
    let capacity: Int
    private let windows: Int
    private let offsets: Buffer<UInt16>, indices: Buffer<UInt16>
    private let counts: Buffer<Int32>
    private let indexOfWindow: Buffer<UInt16>

    /// - Parameter placeOfWindow: the index into the layer's output for each window.
    init(images: Int, channels: Int, indexOfWindow: [Int]) {
        self.channels = channels
        windows = indexOfWindow.count
        capacity = (windows + 7) / 8 * 8
        offsets = Buffer(Array(repeating: 0, count: images * channels * capacity))
        indices = Buffer(Array(repeating: 0, count: images * channels * capacity))
        counts = Buffer(Array(repeating: 0, count: images * channels))
        self.indexOfWindow = Buffer(indexOfWindow.map { UInt16($0) })
    }

    subscript(image: Int, channel: Int) -> PatchList {
        @inline(__always) get {
            let list = image * channels + channel
            return PatchList(offsets: offsets.base + list * capacity, indices: indices.base + list * capacity, count: Int(counts[list]))
        }
    }

    /// Makes the lists of one image.
    /// - Parameter winners: those that `activate` has computed.
    func collect(image: Int, winners: UnsafePointer<Int32>) {
        for channel in 0..<channels {
            let list = image * channels + channel
            let offsets = offsets.base + list * capacity, indices = indices.base + list * capacity
            var count = 0
            for window in 0..<windows {
                // Always written, but counted only where above 0: a branch would be mispredicted every second time.
                let offset = winners[window * channels + channel]
                offsets[count] = UInt16(truncatingIfNeeded: offset)
                indices[count] = indexOfWindow[window]
                count += offset >= 0 ? 1 : 0
            }
            counts[list] = Int32(count)
            while count % 8 != 0 {
                offsets[count] = 0
                count += 1
            }
        }
    }
}
