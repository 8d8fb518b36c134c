// NetworkShape.swift · Compute/ConvolutionalNetwork, between ConvolutionalNetwork.swift and its kernels. The sizes of the layers, and the
// two layouts of the parameters: that of files and records, and that of the kernels.

internal import Vocabulary

/// Two convolutions of 3 × 3 with padding 1, ReLU and pooling after each, a hidden layer with ReLU, and logits.
struct NetworkShape: Sendable, Hashable {
    static let channels1 = 32, channels2 = 64, classes = ImageFormat.classes
    /// Rows of logits, of their gradients and of their weights are padded to this length.
    static let paddedClasses = 16
    /// A kernel row of the first convolution, three numbers, fills a vector.
    static let rowLength1 = 8, rowLength2 = 3 * channels1

    let pool: Pooling
    /// Units of the hidden layer.
    let hidden: Int
    /// Rows and columns of the first convolution's output, of the second's (and its input), and of the second's after pooling.
    let side1 = ImageFormat.side, side2: Int, side3: Int

    /// - Parameter hidden: a multiple of 16; 128 but in tests.
    init(pool: Pooling, hidden: Int = 128) {
        self.pool = pool
        self.hidden = hidden
        side2 = pool == .max ? ImageFormat.side / 2 : ImageFormat.side
        side3 = pool == .max ? side2 / 2 : side2
    }

    /// Inputs of the hidden layer: channel, row, column.
    var features: Int { Self.channels2 * side3 * side3 }

    // MARK: Where the kernels find parameters, in Floats from the beginning of their memory

    var weight1: Int { 0 }
    var bias1: Int { Self.channels1 * 3 * Self.rowLength1 }
    var weight2: Int { bias1 + Self.channels1 }
    var bias2: Int { weight2 + Self.channels2 * 3 * Self.rowLength2 }
    var weight3: Int { bias2 + Self.channels2 }
    var bias3: Int { weight3 + hidden * features }
    var weight4: Int { bias3 + hidden }
    var bias4: Int { weight4 + Self.classes * hidden }
    /// Floats of the whole layout, with padding, which is 0 and stays so. A multiple of 32, for the norm's 32 sums.
    var memory: Int { (bias4 + Self.classes + 31) / 32 * 32 }

    // MARK: The layout of files and records

    var tensors: [Tensor] {
        func layer(_ name: String, _ shape: [Int]) -> [Tensor] {
            let fanIn = shape.dropFirst().reduce(1, *)
            return [
                Tensor(name: "\(name).weight", shape: shape, fanIn: fanIn), Tensor(name: "\(name).bias", shape: [shape[0]], fanIn: fanIn),
            ]
        }
        return layer("conv1", [Self.channels1, 1, 3, 3]) + layer("conv2", [Self.channels2, Self.channels1, 3, 3])
            + layer("fc1", [hidden, features]) + layer("fc2", [Self.classes, hidden])
    }

    /// Number of parameters, without padding.
    var count: Int { tensors.reduce(0) { $0 + $1.count } }

    /// The index in the kernels' layout of each parameter in the order of `tensors`.
    var offsets: [Int] {
        var offsets: [Int] = []
        offsets.reserveCapacity(count)
        for o in 0..<Self.channels1 {
            for k in 0..<9 { offsets.append(weight1 + o * 3 * Self.rowLength1 + k / 3 * Self.rowLength1 + k % 3) }
        }
        offsets += bias1..<bias1 + Self.channels1
        for o in 0..<Self.channels2 {
            for c in 0..<Self.channels1 {
                for k in 0..<9 {
                    offsets.append(weight2 + o * 3 * Self.rowLength2 + k / 3 * Self.rowLength2 + k % 3 * Self.channels1 + c)
                }
            }
        }
        // From here on both layouts are the same.
        offsets += bias2..<bias4 + Self.classes
        return offsets
    }
}
