// ConvolutionalKernel.swift · Compute/ConvolutionalNetwork. The network's passes over one mini-batch: forward, backward, and the same two
// once more for tangents, which give the exact product of the batch's Hessian with a vector (Pearlmutter, 1994). ReferenceNetwork.swift
// is the same in plain loops, and the one to read; both give the same bits.

internal import Vocabulary

/// The activations of a batch and scratch memory. One kernel serves a whole group of trials; a step allocates nothing except in softmax.
struct ConvolutionalKernel {
    let shape: NetworkShape
    /// The batch size B, which is the largest number of images of one pass.
    let batch: Int
    private let team: ThreadTeam
    private let intensities: Buffer<Float>

    private let imageSize: Int, activationSize: Int
    private let rowStride1: Int, rowStride2: Int
    private let offsets1: Buffer<Int32>, offsets2: Buffer<Int32>
    private let lists1: PatchLists, lists2: PatchLists

    private let images: Buffer<Float>
    /// Activations after the first convolution and its pooling, with a border of zeros; and their tangents.
    private let activations: Buffer<Float>, activationTangents: Buffer<Float>
    /// Activations after the second convolution and its pooling, [B][features]; and their tangents.
    private let features: Buffer<Float>, featureTangents: Buffer<Float>
    /// Activations of the hidden layer, [B][128], and their tangents.
    private let hidden: Buffer<Float>, hiddenTangents: Buffer<Float>
    /// Logits, [B][16], and their tangents.
    private let logits: Buffer<Float>, logitTangents: Buffer<Float>
    private let gradients: Deltas, gradientTangents: Deltas
    /// Gradients of the first convolution's winners: one list for each image and channel.
    private let firstDeltas: Buffer<Float>
    /// The convolutions' weights in the layouts that `convolve` and `convolveByTiles` read.
    private let packed1: Buffer<Float>, transformed2: Buffer<Float>
    private let partial: Buffer<Float>
    /// Scratch memory, one for each thread.
    private let scratch: [Scratch]

    /// Gradients of the layers' outputs, or their tangents: B rows each.
    private struct Deltas {
        let features: Buffer<Float>, hidden: Buffer<Float>, logits: Buffer<Float>
    }

    private struct Scratch {
        /// Scratch for one image: pre-activations, arg-max of each pooling window, pooled activations.
        let z: Buffer<Float>, winners: Buffer<Int32>, pooled: Buffer<Float>
        /// One number for each entry of all lists of an image, and of one list.
        let values: Buffer<Float>, tangents: Buffer<Float>
        /// Gradient of the first convolution's output, with its border.
        let received: Buffer<Float>
        let winograd: WinogradScratch
    }

    /// - Parameter team: shares the work of each pass.
    init(shape: NetworkShape, batch: Int, team: ThreadTeam) {
        func floats(_ count: Int) -> Buffer<Float> { Buffer(Array(repeating: 0, count: count)) }
        /// Offsets of the patches of side² pixels in an input with a border.
        func patchOffsets(side: Int, channels: Int) -> [Int] {
            (0..<side * side).map { ($0 / side * (side + 2) + $0 % side) * channels }
        }
        let (c1, c2) = (NetworkShape.channels1, NetworkShape.channels2)
        func deltas() -> Deltas {
            Deltas(
                features: floats(batch * shape.features), hidden: floats(batch * shape.hidden),
                logits: floats(batch * NetworkShape.paddedClasses))
        }
        self.shape = shape
        self.batch = batch
        self.team = team
        intensities = Buffer(pixelIntensities().map { Float($0) })
        rowStride1 = shape.side1 + 2
        rowStride2 = (shape.side2 + 2) * c1
        // A row of the last patch is read as a whole vector.
        imageSize = rowStride1 * rowStride1 + 8
        activationSize = rowStride2 * (shape.side2 + 2)
        offsets1 = Buffer(patchOffsets(side: shape.side1, channels: 1).map { Int32($0) })
        offsets2 = Buffer(patchOffsets(side: shape.side2, channels: c1).map { Int32($0) })
        // A pixel lies one row and one column behind the first number of its patch.
        lists1 = PatchLists(
            images: batch, channels: c1,
            indexOfWindow: patchOffsets(side: shape.side2, channels: c1).map { [rowStride2] in $0 + rowStride2 + c1 })
        lists2 = PatchLists(images: batch, channels: c2, indexOfWindow: Array(0..<shape.side3 * shape.side3))
        images = floats(batch * imageSize)
        activations = floats(batch * activationSize)
        activationTangents = floats(batch * activationSize)
        features = floats(batch * shape.features)
        featureTangents = floats(batch * shape.features)
        hidden = floats(batch * shape.hidden)
        hiddenTangents = floats(batch * shape.hidden)
        logits = floats(batch * NetworkShape.paddedClasses)
        logitTangents = floats(batch * NetworkShape.paddedClasses)
        (gradients, gradientTangents) = (deltas(), deltas())
        firstDeltas = floats(batch * c1 * lists1.capacity)
        packed1 = floats(c1 * 9)
        transformed2 = floats(16 * c1 * c2)
        partial = floats(batch * max(shape.hidden, NetworkShape.classes) * 8)
        let capacity = max(lists1.capacity, c2 * lists2.capacity), listCapacity = max(lists1.capacity, lists2.capacity)
        scratch = (0..<team.size).map { [activationSize] _ in
            Scratch(
                z: floats(max(shape.side1 * shape.side1 * c1, shape.side2 * shape.side2 * c2)),
                winners: Buffer(Array(repeating: 0, count: max(shape.side2 * shape.side2 * c1, shape.side3 * shape.side3 * c2))),
                pooled: floats(shape.side3 * shape.side3 * c2), values: floats(capacity), tangents: floats(listCapacity),
                received: floats(activationSize), winograd: WinogradScratch(side: shape.side2, inputs: c1, outputs: c2))
        }
    }

    // MARK: Forward

    /// - Parameters:
    ///   - parameters: θ in the layout of `NetworkShape`.
    ///   - indices: indices of the images in `set`, at most B.
    ///   - keepsLists: whether `gradient` and `product` are to follow.
    func forward(
        _ parameters: Buffer<Float>, on set: ImageSet, _ indices: ArraySlice<Int>, keepsLists: Bool = true
    ) -> [SoftmaxLoss] {
        let theta = parameters.base
        let (c1, c2) = (NetworkShape.channels1, NetworkShape.channels2)
        let windows = shape.side3 * shape.side3
        packWeights(theta + shape.weight1, outputs: c1, rowLength: 3, paddedRow: NetworkShape.rowLength1, packed: packed1.base)
        transformWeights(theta + shape.weight2, inputs: c1, outputs: c2, transformed: transformed2.base)
        team.share(indices.count) { range, member in
            let scratch = scratch[member]
            for b in range {
                let image = images.base + b * imageSize, activation = activations.base + b * activationSize
                let pixels = indices[indices.startIndex + b] * ImageFormat.pixels
                for y in 0..<shape.side1 {
                    for x in 0..<shape.side1 {
                        image[(y + 1) * rowStride1 + x + 1] = intensities[Int(set.images[pixels + y * shape.side1 + x])]
                    }
                }
                convolve(
                    image, rowStride: rowStride1, rowLength: 3, offsets: offsets1.base, pixels: shape.side1 * shape.side1,
                    weights: packed1.base, bias: theta + shape.bias1, outputs: c1, output: scratch.z.base)
                activate(
                    scratch.z.base, side: shape.side1, channels: c1, pool: shape.pool, patchOffsets: offsets1.base,
                    output: activation + rowStride2 + c1, rowStride: rowStride2, winners: scratch.winners.base)
                if keepsLists { lists1.collect(image: b, winners: scratch.winners.base) }
                convolveByTiles(
                    activation, side: shape.side2, inputs: c1, weights: transformed2.base, bias: theta + shape.bias2, outputs: c2,
                    output: scratch.z.base, scratch: scratch.winograd)
                activate(
                    scratch.z.base, side: shape.side2, channels: c2, pool: shape.pool, patchOffsets: offsets2.base,
                    output: scratch.pooled.base, rowStride: shape.side3 * c2, winners: scratch.winners.base)
                if keepsLists { lists2.collect(image: b, winners: scratch.winners.base) }
                let row = features.base + b * shape.features
                for c in 0..<c2 { for window in 0..<windows { row[c * windows + window] = scratch.pooled[window * c2 + c] } }
            }
        }
        let count = indices.count
        rowProductsShared(
            [(featureRows(features), weights3(theta))], rows: count, outputs: shape.hidden, depth: shape.features,
            bias: theta + shape.bias3, output: hiddenRows(hidden))
        for offset in stride(from: 0, to: count * shape.hidden, by: 8) {
            let h = load(hidden.base + offset)
            store(Vector().replacing(with: h, where: h .> 0), hidden.base + offset)
        }
        rowProductsShared(
            [(hiddenRows(hidden), weights4(theta))], rows: count, outputs: NetworkShape.classes, depth: shape.hidden,
            bias: theta + shape.bias4, output: logitRows(logits))
        return indices.enumerated().map { b, index in
            SoftmaxLoss(
                logits: (0..<NetworkShape.classes).map { Double(logits[b * NetworkShape.paddedClasses + $0]) },
                label: Int(set.labels[index])
            )
        }
    }

    // MARK: Backward

    /// ∇ of the mean loss over the batch of the last `forward`, whose losses are given.
    func gradient(
        _ parameters: Buffer<Float>, on set: ImageSet, _ indices: ArraySlice<Int>, _ losses: [SoftmaxLoss], into gradient: Buffer<Float>
    ) {
        for (b, index) in indices.enumerated() {
            let d = losses[b].gradient(label: Int(set.labels[index]), batch: indices.count)
            for j in 0..<NetworkShape.classes { gradients.logits[b * NetworkShape.paddedClasses + j] = Float(d[j]) }
        }
        backward(parameters.base, along: nil, gradients, count: indices.count, into: gradient.base)
    }

    /// H·v for the Hessian H of the mean loss over the batch of the last `forward` and `gradient`: the tangent of the gradient where the
    /// parameters move along v. Winners of ReLU and pooling stay winners, which is exact but on a set of measure 0.
    func product(
        _ parameters: Buffer<Float>, with vector: Buffer<Float>, _ count: Int, _ losses: [SoftmaxLoss], into product: Buffer<Float>
    ) {
        forwardTangents(parameters.base, along: vector.base, count: count)
        for b in 0..<count {
            let row = b * NetworkShape.paddedClasses
            let d = losses[b].gradientTangent((0..<NetworkShape.classes).map { Double(logitTangents[row + $0]) }, batch: count)
            for j in 0..<NetworkShape.classes { gradientTangents.logits[row + j] = Float(d[j]) }
        }
        backward(parameters.base, along: vector.base, gradientTangents, count: count, into: product.base)
    }

    /// Computes the tangents of all activations for parameters that move along v.
    private func forwardTangents(_ theta: UnsafeMutablePointer<Float>, along v: UnsafeMutablePointer<Float>, count: Int) {
        let (c1, c2) = (NetworkShape.channels1, NetworkShape.channels2)
        team.share(count) { range, member in
            let scratch = scratch[member]
            for b in range {
                let activation = activations.base + b * activationSize, tangent = activationTangents.base + b * activationSize
                clear(tangent, activationSize)
                for o in 0..<c1 {
                    let list = lists1[b, o]
                    patchProducts(
                        vectors: 1, v + shape.weight1 + o * 24, images.base + b * imageSize, rowStride: rowStride1, list,
                        results: scratch.values.base)
                    let bias = v[shape.bias1 + o]
                    for n in 0..<list.count { tangent[Int(list.indices[n]) + o] = bias + scratch.values[n] }
                }
                // One input at a time: both do not fit into the first-level cache.
                for o in 0..<c2 {
                    patchProducts(
                        vectors: 12, v + shape.weight2 + o * 288, activation, rowStride: rowStride2, lists2[b, o],
                        results: scratch.values.base + o * lists2.capacity)
                }
                let row = featureTangents.base + b * shape.features
                clear(row, shape.features)
                for o in 0..<c2 {
                    let list = lists2[b, o]
                    patchProducts(
                        vectors: 12, theta + shape.weight2 + o * 288, tangent, rowStride: rowStride2, list,
                        results: scratch.tangents.base)
                    let values = scratch.values.base + o * lists2.capacity
                    let bias = v[shape.bias2 + o]
                    for n in 0..<list.count {
                        row[o * shape.side3 * shape.side3 + Int(list.indices[n])] = bias + (values[n] + scratch.tangents[n])
                    }
                }
            }
        }
        rowProductsShared(
            [(featureRows(features), weights3(v)), (featureRows(featureTangents), weights3(theta))], rows: count,
            outputs: shape.hidden, depth: shape.features, bias: v + shape.bias3, output: hiddenRows(hiddenTangents))
        maskHidden(hiddenTangents, count: count)
        rowProductsShared(
            [(hiddenRows(hidden), weights4(v)), (hiddenRows(hiddenTangents), weights4(theta))], rows: count,
            outputs: NetworkShape.classes, depth: shape.hidden, bias: v + shape.bias4, output: logitRows(logitTangents))
    }

    /// Computes the gradient of each parameter, or its tangent, from that of the logits.
    /// - Parameters:
    ///   - v: nil for the gradient. For its tangent, the direction; each sum then has a second term by the product rule, which joins the
    ///     gradients of `gradient` with the tangents of `forwardTangents`.
    ///   - deltas: the gradients of the layers' outputs; that of the logits is given, the others are computed here.
    private func backward(
        _ theta: UnsafeMutablePointer<Float>, along v: UnsafeMutablePointer<Float>?, _ deltas: Deltas, count: Int,
        into g: UnsafeMutablePointer<Float>
    ) {
        func pairs(_ first: (Broadcast, Rows), _ second: (Broadcast, Rows)?) -> [(a: Broadcast, b: Rows)] {
            second.map { [first, $0] } ?? [first]
        }
        columnProductsShared(
            pairs(
                (transposed(logitRows(deltas.logits)), hiddenRows(hidden)),
                v.map { _ in (transposed(logitRows(gradients.logits)), hiddenRows(hiddenTangents)) }),
            rows: NetworkShape.classes, columns: shape.hidden, depth: count, output: weights4(g))
        addRows(logitRows(deltas.logits), rows: count, columns: NetworkShape.paddedClasses, to: g + shape.bias4)
        columnProductsShared(
            pairs(
                (broadcast(logitRows(deltas.logits)), weights4(theta)), v.map { (broadcast(logitRows(gradients.logits)), weights4($0)) }),
            rows: count, columns: shape.hidden, depth: NetworkShape.classes, output: hiddenRows(deltas.hidden))
        maskHidden(deltas.hidden, count: count)
        columnProductsShared(
            pairs(
                (transposed(hiddenRows(deltas.hidden)), featureRows(features)),
                v.map { _ in (transposed(hiddenRows(gradients.hidden)), featureRows(featureTangents)) }),
            rows: shape.hidden, columns: shape.features, depth: count, output: weights3(g))
        addRows(hiddenRows(deltas.hidden), rows: count, columns: shape.hidden, to: g + shape.bias3)
        columnProductsShared(
            pairs(
                (broadcast(hiddenRows(deltas.hidden)), weights3(theta)), v.map { (broadcast(hiddenRows(gradients.hidden)), weights3($0)) }),
            rows: count, columns: shape.features, depth: shape.hidden, output: featureRows(deltas.features))
        clear(g, shape.weight3)
        addSecondConvolution(g, deltas, hasTangents: v != nil, count: count)
        passSecondConvolution(theta, along: v, deltas, count: count)
        addFirstConvolution(g, count: count)
    }

    /// Adds the gradients of the second convolution's weights and biases.
    private func addSecondConvolution(_ g: UnsafeMutablePointer<Float>, _ deltas: Deltas, hasTangents: Bool, count: Int) {
        team.share(NetworkShape.channels2, unit: 8) { channels, member in
            let values = scratch[member].values.base
            func add(_ b: Int, _ input: UnsafePointer<Float>, _ source: Buffer<Float>, toBias: Bool) {
                for o in channels {
                    let list = lists2[b, o]
                    take(list, from: source.base + offset(b, o), into: values)
                    addPatches(g + shape.weight2 + o * 288, input, rowStride: rowStride2, list, values: values)
                    guard toBias else { continue }
                    for n in 0..<list.count { g[shape.bias2 + o] += values[n] }
                }
            }
            for b in 0..<count {
                add(b, activations.base + b * activationSize, deltas.features, toBias: true)
                if hasTangents { add(b, activationTangents.base + b * activationSize, gradients.features, toBias: false) }
            }
        }
    }

    /// Propagates the gradient through the second convolution to the first one's winners.
    private func passSecondConvolution(
        _ theta: UnsafeMutablePointer<Float>, along v: UnsafeMutablePointer<Float>?, _ deltas: Deltas, count: Int
    ) {
        team.share(count) { range, member in
            let scratch = scratch[member]
            let (values, tangents, received) = (scratch.values.base, scratch.tangents.base, scratch.received.base)
            for b in range {
                clear(received, activationSize)
                for o in 0..<NetworkShape.channels2 {
                    let list = lists2[b, o], weights = theta + shape.weight2 + o * 288
                    take(list, from: gradients.features.base + offset(b, o), into: values)
                    if let v {
                        take(list, from: deltas.features.base + offset(b, o), into: tangents)
                        spreadPatchTangents(
                            weights, v + shape.weight2 + o * 288, received, rowStride: rowStride2, list, values: values, tangents: tangents)
                    } else {
                        spreadPatches(weights, received, rowStride: rowStride2, list, values: values)
                    }
                }
                for o in 0..<NetworkShape.channels1 {
                    take(lists1[b, o], from: received + o, into: firstDeltas.base + firstOffset(b, o))
                }
            }
        }
    }

    /// Adds the gradients of the first convolution's weights and biases.
    private func addFirstConvolution(_ g: UnsafeMutablePointer<Float>, count: Int) {
        team.share(NetworkShape.channels1, unit: 8) { channels, _ in
            for b in 0..<count {
                for o in channels {
                    let list = lists1[b, o], values = firstDeltas.base + firstOffset(b, o)
                    addSmallPatches(
                        g + shape.weight1 + o * 24, images.base + b * imageSize, rowStride: rowStride1, list, values: values)
                    for n in 0..<list.count { g[shape.bias1 + o] += values[n] }
                }
            }
        }
        // addSmallPatches has filled the padding with sums that have no meaning.
        for row in 0..<NetworkShape.channels1 * 3 {
            for lane in 3..<NetworkShape.rowLength1 { g[shape.weight1 + row * NetworkShape.rowLength1 + lane] = 0 }
        }
    }

    private func offset(_ image: Int, _ channel: Int) -> Int { image * shape.features + channel * shape.side3 * shape.side3 }
    private func firstOffset(_ image: Int, _ channel: Int) -> Int { (image * NetworkShape.channels1 + channel) * lists1.capacity }

    // MARK: Parts of both

    private func rowProductsShared(
        _ pairs: [(x: Rows, w: Rows)], rows: Int, outputs: Int, depth: Int, bias: UnsafePointer<Float>, output: Rows
    ) {
        team.share(outputs, unit: 4) { range, _ in
            let first = range.lowerBound
            rowProducts(
                pairs.map { ($0.x, Rows(base: $0.w[first], stride: $0.w.stride)) }, rows: rows, outputs: range.count, depth: depth,
                bias: bias + first, output: Rows(base: output.base + first, stride: output.stride), partial: partial.base + rows * first * 8
            )
        }
    }

    private func columnProductsShared(_ pairs: [(a: Broadcast, b: Rows)], rows: Int, columns: Int, depth: Int, output: Rows) {
        team.share(columns, unit: 16) { range, _ in
            let first = range.lowerBound
            columnProducts(
                pairs.map { ($0.a, Rows(base: $0.b.base + first, stride: $0.b.stride)) }, rows: rows, columns: range.count, depth: depth,
                output: Rows(base: output.base + first, stride: output.stride))
        }
    }

    private func take(_ list: PatchList, from source: UnsafePointer<Float>, into values: UnsafeMutablePointer<Float>) {
        for n in 0..<list.count { values[n] = source[Int(list.indices[n])] }
    }

    private func clear(_ memory: UnsafeMutablePointer<Float>, _ count: Int) { memory.update(repeating: 0, count: count) }

    /// Sets the values to zero whose hidden unit is not above 0.
    private func maskHidden(_ values: Buffer<Float>, count: Int) {
        for offset in stride(from: 0, to: count * shape.hidden, by: 8) {
            store(Vector().replacing(with: load(values.base + offset), where: load(hidden.base + offset) .> 0), values.base + offset)
        }
    }

    /// sums[j] = Σ rows[i][j] over i, beginning with 0.
    private func addRows(_ matrix: Rows, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Float>) {
        for j in stride(from: 0, to: columns, by: 8) {
            var total = Vector()
            for i in 0..<rows { total += load(matrix[i] + j) }
            store(total, sums + j)
        }
    }

    private func featureRows(_ buffer: Buffer<Float>) -> Rows { Rows(base: buffer.base, stride: shape.features) }
    private func hiddenRows(_ buffer: Buffer<Float>) -> Rows { Rows(base: buffer.base, stride: shape.hidden) }
    private func logitRows(_ buffer: Buffer<Float>) -> Rows { Rows(base: buffer.base, stride: NetworkShape.paddedClasses) }
    private func weights3(_ theta: UnsafeMutablePointer<Float>) -> Rows { Rows(base: theta + shape.weight3, stride: shape.features) }
    private func weights4(_ theta: UnsafeMutablePointer<Float>) -> Rows { Rows(base: theta + shape.weight4, stride: shape.hidden) }
    private func broadcast(_ rows: Rows) -> Broadcast { Broadcast(base: rows.base, iStride: rows.stride, kStride: 1) }
    private func transposed(_ rows: Rows) -> Broadcast { Broadcast(base: rows.base, iStride: 1, kStride: rows.stride) }
}

/// (p/255 − 0.2860)/0.3530 for each intensity p: the mean and deviation of Fashion-MNIST's training images.
func pixelIntensities() -> [Double] { (0..<256).map { (Double($0) / 255 - 0.2860) / 0.3530 } }
