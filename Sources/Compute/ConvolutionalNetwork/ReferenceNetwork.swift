// ReferenceNetwork.swift · Compute/ConvolutionalNetwork. The network of Docs/numerics.md in plain loops, to be read beside it. The kernel
// to trust: in Float32 ConvolutionalKernel.swift must give the same bits, and in Float64 the tests hold it against known numbers and slopes.
// Knows besides a smooth form of the network (any activation, averages for pools), in which finite differences of any size are right.

internal import Vocabulary

struct ReferenceNetwork<Scalar: WorkingPrecision> {
    /// An activation's value, slope and curvature.
    typealias Activation = (Scalar) -> (value: Scalar, slope: Scalar, curvature: Scalar)

    /// A pixel of a convolution's output that reaches the layer's output, with the derivatives of that output by the pixel.
    private struct Path {
        /// Offset of the pixel's patch in a channel of the layer's input, and index of the output that it reaches.
        var corner: Int, window: Int
        var slope: Scalar, curvature: Scalar
        /// Derivative of the pixel along the direction in which the parameters move; set by `product`.
        var tangent: Scalar = 0
    }

    /// The activations and gradients of one image.
    private struct Memory {
        var image: [Scalar]
        var label: Int
        /// The paths of each convolution's output, by channel.
        var paths1: [[Path]] = [], paths2: [[Path]] = []
        /// [channel][row][column] with a border of zeros, like the image.
        var activation: [Scalar] = [], activationTangent: [Scalar] = []
        var features: [Scalar] = [], featureTangents: [Scalar] = [], featureGradient: [Scalar] = []
        var hidden: [Scalar] = [], slope: [Scalar] = [], curvature: [Scalar] = []
        var hiddenTangent: [Scalar] = [], hiddenInputTangent: [Scalar] = []
        /// Gradients with respect to the hidden layer's output and input.
        var hiddenOutputGradient: [Scalar] = [], hiddenGradient: [Scalar] = []
        var logits: [Scalar] = [], logitGradient: [Scalar] = []
    }

    let shape: NetworkShape
    /// The parameters θ, in the order of `NetworkShape.tensors`.
    var theta: [Scalar]
    /// The smooth activation, with average pooling; nil for ReLU and the pooling of the shape.
    private let smooth: Activation?
    private let starts: [Int]
    private var batch: [Memory] = []
    private(set) var losses: [SoftmaxLoss] = []

    init(shape: NetworkShape, theta: [Scalar], smooth: Activation? = nil) {
        self.shape = shape
        self.theta = theta
        self.smooth = smooth
        starts = shape.tensors.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    }

    var loss: Double { losses.reduce(0) { $0 + $1.loss } / Double(losses.count) }
    /// Logits of the batch's first image.
    var firstLogits: [Scalar] { batch[0].logits }

    // MARK: Passes

    /// - Parameter images: [row][column], 28 × 28 each.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    mutating func forward(images: [[Scalar]], labels: [Int]) {
        batch = []
        losses = []
        for (image, label) in zip(images, labels) {
            var m = Memory(image: bordered(image, channels: 1, side: shape.side1), label: label)
            let z1 = convolved(m.image, channels: 1, side: shape.side1, tensor: 0)
            let values: [Scalar]
            (values, m.paths1) = activated(z1, channels: NetworkShape.channels1, side: shape.side1)
            m.activation = bordered(values, channels: NetworkShape.channels1, side: shape.side2)
            let z2 = convolvedByTiles(m.activation, channels: NetworkShape.channels1, side: shape.side2, tensor: 2)
            (m.features, m.paths2) = activated(z2, channels: NetworkShape.channels2, side: shape.side2)
            for o in 0..<shape.hidden {
                let (value, slope, curvature) = activation(theta[starts[5] + o] + laneSum([(m.features, o, theta, starts[4])]))
                m.hidden.append(value)
                m.slope.append(slope)
                m.curvature.append(curvature)
            }
            m.logits = (0..<NetworkShape.classes).map { o in theta[starts[7] + o] + laneSum([(m.hidden, o, theta, starts[6])]) }
            losses.append(SoftmaxLoss(logits: m.logits.map { Double($0) }, label: label))
            batch.append(m)
        }
    }

    /// The gradient of the mean loss over the batch of the last `forward`, in the order of `NetworkShape.tensors`.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    mutating func gradient() -> [Scalar] {
        var g = [Scalar](repeating: 0, count: theta.count)
        for b in batch.indices {
            batch[b].logitGradient = losses[b].gradient(label: batch[b].label, batch: batch.count).map { Scalar($0) }
            let d = batch[b].logitGradient
            addOuter(d, batch[b].hidden, to: &g, tensor: 6)
            batch[b].hiddenOutputGradient = columns([(d, theta)], tensor: 6, count: shape.hidden)
            batch[b].hiddenGradient = zip(batch[b].hiddenOutputGradient, batch[b].slope).map { $0 * $1 }
            addOuter(batch[b].hiddenGradient, batch[b].features, to: &g, tensor: 4)
            batch[b].featureGradient = columns([(batch[b].hiddenGradient, theta)], tensor: 4, count: shape.features)
        }
        for m in batch {
            let values2 = m.paths2.enumerated().map { o, paths in
                paths.map { m.featureGradient[o * windows2 + $0.window] * $0.slope }
            }
            addPatches(values2, m.paths2, m.activation, channels: NetworkShape.channels1, side: shape.side2, to: &g, tensor: 2)
            addBiases(values2, to: &g, tensor: 3)
            let d = spread([(values2, theta)], m.paths2)
            let values1 = m.paths1.enumerated().map { o, paths in paths.map { d[border(o, $0.window)] * $0.slope } }
            addPatches(values1, m.paths1, m.image, channels: 1, side: shape.side1, to: &g, tensor: 0)
            addBiases(values1, to: &g, tensor: 1)
        }
        return g
    }

    /// H·v for the Hessian H of the mean loss over the batch of the last `forward`. Must be called after `gradient`.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    mutating func product(with v: [Scalar]) -> [Scalar] {
        var g = [Scalar](repeating: 0, count: theta.count)
        var hiddenGradientTangents: [[Scalar]] = [], logitGradientTangents: [[Scalar]] = [], featureGradientTangents: [[Scalar]] = []
        for b in batch.indices {
            batch[b].activationTangent = Array(repeating: 0, count: batch[b].activation.count)
            for o in 0..<NetworkShape.channels1 {
                for n in batch[b].paths1[o].indices {
                    let path = batch[b].paths1[o][n]
                    let sum = patchProduct(v, 0, o, batch[b].image, channels: 1, side: shape.side1, corner: path.corner)
                    let tangent = v[starts[1] + o] + sum
                    batch[b].paths1[o][n].tangent = tangent
                    batch[b].activationTangent[border(o, path.window)].addProduct(path.slope, tangent)
                }
            }
            batch[b].featureTangents = Array(repeating: 0, count: shape.features)
            for o in 0..<NetworkShape.channels2 {
                for n in batch[b].paths2[o].indices {
                    let path = batch[b].paths2[o][n]
                    func sum(_ weights: [Scalar], _ input: [Scalar]) -> Scalar {
                        patchProduct(weights, 2, o, input, channels: NetworkShape.channels1, side: shape.side2, corner: path.corner)
                    }
                    let tangent = v[starts[3] + o] + (sum(v, batch[b].activation) + sum(theta, batch[b].activationTangent))
                    batch[b].paths2[o][n].tangent = tangent
                    batch[b].featureTangents[o * windows2 + path.window].addProduct(path.slope, tangent)
                }
            }
            let m = batch[b]
            batch[b].hiddenInputTangent = (0..<shape.hidden).map { o in
                v[starts[5] + o] + laneSum([(m.features, o, v, starts[4]), (m.featureTangents, o, theta, starts[4])])
            }
            batch[b].hiddenTangent = zip(batch[b].hiddenInputTangent, m.slope).map { $0 * $1 }
            let logitTangents = (0..<NetworkShape.classes).map { o in
                Double(v[starts[7] + o] + laneSum([(m.hidden, o, v, starts[6]), (batch[b].hiddenTangent, o, theta, starts[6])]))
            }
            logitGradientTangents.append(losses[b].gradientTangent(logitTangents, batch: batch.count).map { Scalar($0) })
        }
        // The tangents' terms of all images come before those of the gradients: one sum over pairs.
        for (b, m) in batch.enumerated() { addOuter(logitGradientTangents[b], m.hidden, to: &g, tensor: 6) }
        for m in batch { addOuter(m.logitGradient, m.hiddenTangent, to: &g, tensor: 6, withBias: false) }
        for (b, m) in batch.enumerated() {
            let output = columns([(logitGradientTangents[b], theta), (m.logitGradient, v)], tensor: 6, count: shape.hidden)
            hiddenGradientTangents.append(
                output.indices.map { k in
                    let value = output[k] * m.slope[k]
                    let curvature = m.curvature[k] * m.hiddenInputTangent[k]
                    return curvature == 0 ? value : value.addingProduct(m.hiddenOutputGradient[k], curvature)
                })
            addOuter(hiddenGradientTangents[b], m.features, to: &g, tensor: 4)
        }
        for m in batch { addOuter(m.hiddenGradient, m.featureTangents, to: &g, tensor: 4, withBias: false) }
        for (b, m) in batch.enumerated() {
            featureGradientTangents.append(
                columns([(hiddenGradientTangents[b], theta), (m.hiddenGradient, v)], tensor: 4, count: shape.features))
        }
        for (b, m) in batch.enumerated() {
            func tangents(_ paths: [Path], _ gradient: [Scalar], _ tangent: [Scalar], offset: (Int) -> Int) -> [Scalar] {
                paths.map { path in
                    let value = tangent[offset(path.window)] * path.slope
                    let curvature = path.curvature * path.tangent
                    return curvature == 0 ? value : value.addingProduct(gradient[offset(path.window)], curvature)
                }
            }
            let values2 = m.paths2.enumerated().map { o, paths in
                paths.map { m.featureGradient[o * windows2 + $0.window] * $0.slope }
            }
            let tangents2 = m.paths2.enumerated().map { o, paths in
                tangents(paths, m.featureGradient, featureGradientTangents[b]) { o * windows2 + $0 }
            }
            addPatches(tangents2, m.paths2, m.activation, channels: NetworkShape.channels1, side: shape.side2, to: &g, tensor: 2)
            addBiases(tangents2, to: &g, tensor: 3)
            addPatches(values2, m.paths2, m.activationTangent, channels: NetworkShape.channels1, side: shape.side2, to: &g, tensor: 2)
            let d = spread([(values2, theta)], m.paths2)
            let dTangent = spread([(tangents2, theta), (values2, v)], m.paths2)
            let tangents1 = m.paths1.enumerated().map { o, paths in
                tangents(paths, d, dTangent) { border(o, $0) }
            }
            addPatches(tangents1, m.paths1, m.image, channels: 1, side: shape.side1, to: &g, tensor: 0)
            addBiases(tangents1, to: &g, tensor: 1)
        }
        return g
    }

    /// θ ← θ − η·min(1, c/‖u‖)·u with u = g + 2λ2 h + λθ. Returns whether u's squared norm is finite; if not, θ is as it was.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    mutating func update(_ gradient: [Scalar], _ product: [Scalar]?, _ constants: NetworkStep, rate: Double) -> Bool {
        let (productFactor, decay) = (Scalar(constants.productFactor), Scalar(constants.decay))
        var u = gradient
        for k in theta.indices {
            if let product { u[k].addProduct(productFactor, product[k]) }
            u[k].addProduct(decay, theta[k])
        }
        var lanes = [Scalar](repeating: 0, count: 32)
        // In the order of the offsets in the kernels' memory; an offset without a parameter adds 0.
        for (k, offset) in shape.offsets.enumerated().sorted(by: { $0.element < $1.element }) { lanes[offset % 32].addProduct(u[k], u[k]) }
        for l in 0..<8 { lanes[l] = (lanes[l] + lanes[l + 8]) + (lanes[l + 16] + lanes[l + 24]) }
        let squares = total(lanes)
        guard squares.isFinite else { return false }
        let factor = Scalar(-constants.factor(rate: rate, squaredNorm: Double(squares)))
        for k in theta.indices { theta[k].addProduct(factor, u[k]) }
        return true
    }

    // MARK: Layers

    private var windows2: Int { shape.side3 * shape.side3 }

    private func activation(_ x: Scalar) -> (value: Scalar, slope: Scalar, curvature: Scalar) {
        smooth?(x) ?? (x > 0 ? (x, 1, 0) : (0, 0, 0))
    }

    /// [channel][row][column] with a border of zeros.
    private func bordered(_ values: [Scalar], channels: Int, side: Int) -> [Scalar] {
        var all = [Scalar](repeating: 0, count: channels * (side + 2) * (side + 2))
        for c in 0..<channels {
            for y in 0..<side {
                for x in 0..<side { all[(c * (side + 2) + y + 1) * (side + 2) + x + 1] = values[(c * side + y) * side + x] }
            }
        }
        return all
    }

    /// Index into a bordered activation of the first layer for a channel and a window.
    private func border(_ channel: Int, _ window: Int) -> Int {
        let side = shape.side2 + 2
        return (channel * side + window / shape.side2 + 1) * side + window % shape.side2 + 1
    }

    private func weight(_ tensor: Int, _ output: Int, _ channel: Int, channels: Int, _ row: Int, _ column: Int) -> Int {
        starts[tensor] + ((output * channels + channel) * 3 + row) * 3 + column
    }

    private func convolved(_ values: [Scalar], channels: Int, side: Int, tensor: Int) -> [[Scalar]] {
        let width = side + 2
        return (0..<shape.tensors[tensor].shape[0]).map { o in
            var z = [Scalar](repeating: theta[starts[tensor + 1] + o], count: side * side)
            for row in 0..<3 {
                for column in 0..<3 {
                    for c in 0..<channels {
                        let w = theta[weight(tensor, o, c, channels: channels, row, column)]
                        for y in 0..<side {
                            for x in 0..<side { z[y * side + x].addProduct(values[(c * width + y + row) * width + x + column], w) }
                        }
                    }
                }
            }
            return z
        }
    }

    /// The same sums by tiles of 2 × 2 outputs.
    private func convolvedByTiles(_ values: [Scalar], channels: Int, side: Int, tensor: Int) -> [[Scalar]] {
        /// Rows of `block`, n × n, by way of its columns.
        func twice(_ n: Int, _ block: (_ y: Int, _ x: Int) -> Scalar, _ transform: ([Scalar]) -> [Scalar]) -> [Scalar] {
            let columns = (0..<n).map { x in transform((0..<n).map { y in block(y, x) }) }
            return columns[0].indices.flatMap { y in transform(columns.map { $0[y] }) }
        }
        let width = side + 2, half = Scalar(0.5)
        let inputs = (0..<side * side / 4).map { tile in
            (0..<channels).map { c in
                twice(4, { y, x in values[(c * width + tile / (side / 2) * 2 + y) * width + tile % (side / 2) * 2 + x] }) { d in
                    [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]
                }
            }
        }
        return (0..<shape.tensors[tensor].shape[0]).map { o in
            let weights = (0..<channels).map { c in
                twice(3, { y, x in theta[weight(tensor, o, c, channels: channels, y, x)] }) { w in
                    [w[0], ((w[0] + w[1]) + w[2]) * half, ((w[0] - w[1]) + w[2]) * half, w[2]]
                }
            }
            var z = [Scalar](repeating: 0, count: side * side)
            for (tile, input) in inputs.enumerated() {
                var m = [Scalar](repeating: 0, count: 16)
                for c in 0..<channels { for p in 0..<16 { m[p].addProduct(input[c][p], weights[c][p]) } }
                let four = twice(4, { y, x in m[y * 4 + x] }) { m in [(m[0] + m[1]) + m[2], (m[1] - m[2]) - m[3]] }
                let first = tile / (side / 2) * 2 * side + tile % (side / 2) * 2
                for p in 0..<4 { z[first + p / 2 * side + p % 2] = theta[starts[tensor + 1] + o] + four[p] }
            }
            return z
        }
    }

    private func activated(_ z: [[Scalar]], channels: Int, side: Int) -> (values: [Scalar], paths: [[Path]]) {
        let step = shape.pool == .max ? 2 : 1
        let out = side / step
        var values = [Scalar](repeating: 0, count: channels * out * out)
        var paths = [[Path]](repeating: [], count: channels)
        func corner(_ pixel: Int) -> Int { pixel / side * (side + 2) + pixel % side }
        for o in 0..<channels {
            for window in 0..<out * out {
                let first = window / out * step * side + window % out * step
                let pixels = step == 2 ? [first, first + 1, first + side, first + side + 1] : [first]
                if let smooth {
                    let share = 1 / Scalar(pixels.count)
                    for pixel in pixels {
                        let (value, slope, curvature) = smooth(z[o][pixel])
                        values[o * out * out + window] += share * value
                        paths[o].append(
                            Path(corner: corner(pixel), window: window, slope: share * slope, curvature: share * curvature))
                    }
                } else {
                    var winner = first
                    for pixel in pixels where z[o][pixel] > z[o][winner] { winner = pixel }
                    guard z[o][winner] > 0 else { continue }
                    values[o * out * out + window] = z[o][winner]
                    paths[o].append(Path(corner: corner(winner), window: window, slope: 1, curvature: 0))
                }
            }
        }
        return (values, paths)
    }

    /// A patch times the weights of an output, in eight sums.
    private func patchProduct(
        _ weights: [Scalar], _ tensor: Int, _ output: Int, _ values: [Scalar], channels: Int, side: Int, corner: Int
    ) -> Scalar {
        let width = side + 2
        var lanes = [Scalar](repeating: 0, count: 8)
        for row in 0..<3 {
            for column in 0..<3 {
                for c in 0..<channels {
                    lanes[(column * channels + c) % 8].addProduct(
                        values[(c * width + row) * width + column + corner],
                        weights[weight(tensor, output, c, channels: channels, row, column)])
                }
            }
        }
        return total(lanes)
    }

    private func addPatches(
        _ values: [[Scalar]], _ paths: [[Path]], _ inputs: [Scalar], channels: Int, side: Int, to g: inout [Scalar], tensor: Int
    ) {
        let width = side + 2
        for o in values.indices {
            for (value, path) in zip(values[o], paths[o]) {
                for row in 0..<3 {
                    for column in 0..<3 {
                        for c in 0..<channels {
                            g[weight(tensor, o, c, channels: channels, row, column)].addProduct(
                                value, inputs[(c * width + row) * width + column + path.corner])
                        }
                    }
                }
            }
        }
    }

    private func addBiases(_ values: [[Scalar]], to g: inout [Scalar], tensor: Int) {
        for o in values.indices { for value in values[o] { g[starts[tensor] + o] += value } }
    }

    /// What reaches the second convolution's input, with its border, from its output, for each pair of values and weights.
    private func spread(_ pairs: [(values: [[Scalar]], weights: [Scalar])], _ paths: [[Path]]) -> [Scalar] {
        let (channels, width) = (NetworkShape.channels1, shape.side2 + 2)
        var d = [Scalar](repeating: 0, count: channels * width * width)
        for o in paths.indices {
            for row in 0..<3 {
                for (n, path) in paths[o].enumerated() {
                    for column in 0..<3 {
                        for c in 0..<channels {
                            let offset = (c * width + row) * width + column + path.corner
                            let k = weight(2, o, c, channels: channels, row, column)
                            for pair in pairs { d[offset].addProduct(pair.values[o][n], pair.weights[k]) }
                        }
                    }
                }
            }
        }
        return d
    }

    /// Σ x[k] w[output][k] over k in eight sums, the pairs one after the other.
    private func laneSum(_ pairs: [(x: [Scalar], output: Int, weights: [Scalar], start: Int)]) -> Scalar {
        var lanes = [Scalar](repeating: 0, count: 8)
        for pair in pairs {
            for k in pair.x.indices { lanes[k % 8].addProduct(pair.x[k], pair.weights[pair.start + pair.output * pair.x.count + k]) }
        }
        return total(lanes)
    }

    private func total(_ s: [Scalar]) -> Scalar { ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])) }

    /// Σ d[o] w[o][k] over o, the pairs one after the other.
    private func columns(_ pairs: [(d: [Scalar], weights: [Scalar])], tensor: Int, count: Int) -> [Scalar] {
        (0..<count).map { k in
            var sum: Scalar = 0
            for pair in pairs { for o in pair.d.indices { sum.addProduct(pair.d[o], pair.weights[starts[tensor] + o * count + k]) } }
            return sum
        }
    }

    /// One image's share of a dense layer's gradient.
    private func addOuter(_ d: [Scalar], _ x: [Scalar], to g: inout [Scalar], tensor: Int, withBias: Bool = true) {
        for o in d.indices {
            for k in x.indices { g[starts[tensor] + o * x.count + k].addProduct(d[o], x[k]) }
            if withBias { g[starts[tensor + 1] + o] += d[o] }
        }
    }
}
