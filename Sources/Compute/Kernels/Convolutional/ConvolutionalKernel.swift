// ConvolutionalKernel.swift · Compute/Kernels/Convolutional. The network's passes over one mini-batch: forward, backward, and the same two
// once more for tangents, which give the exact product of the batch's Hessian with a vector (Pearlmutter, 1994). ReferenceNetwork.swift
// is the same in plain loops, and the one to read; both give the same bits.

/// Activations of a batch and the memory to compute with. One lives for a whole group of trials: nothing is allocated in a step but
/// what softmax takes.
struct ConvolutionalKernel {
    let shape: NetworkShape
    /// B, the most images that a pass can take.
    let batch: Int
    private let intensities: Buffer<Float>

    private let imageSize: Int, activationSize: Int
    private let rowStride1: Int, rowStride2: Int
    private let offsets1: Buffer<Int32>, offsets2: Buffer<Int32>
    private let lists1: PatchLists, lists2: PatchLists

    private let images: Buffer<Float>
    /// Behind the first convolution and its pool, with a border of zeros, and tangent.
    private let activations: Buffer<Float>, activationTangents: Buffer<Float>
    /// Behind the second, [B][features]; tangent, gradient, gradient's tangent.
    private let features: Buffer<Float>, featureTangents: Buffer<Float>, featureGradients: Buffer<Float>
    private let featureGradientTangents: Buffer<Float>
    /// [B][128] each.
    private let hidden: Buffer<Float>, hiddenTangents: Buffer<Float>, hiddenGradients: Buffer<Float>, hiddenGradientTangents: Buffer<Float>
    /// [B][16] each.
    private let logits: Buffer<Float>, logitTangents: Buffer<Float>, logitGradients: Buffer<Float>, logitGradientTangents: Buffer<Float>

    // Scratch.
    private let packed1: Buffer<Float>, packed2: Buffer<Float>
    private let z: Buffer<Float>, pooled: Buffer<Float>, activationGradient: Buffer<Float>
    private let winners: Buffer<Int32>
    private let partial: Buffer<Float>, values: Buffer<Float>, tangents: Buffer<Float>

    init(shape: NetworkShape, batch: Int) {
        func floats(_ count: Int) -> Buffer<Float> { Buffer(Array(repeating: 0, count: count)) }
        /// Of the patches of side² pixels in an input with a border.
        func patchOffsets(side: Int, channels: Int) -> [Int] {
            (0..<side * side).map { ($0 / side * (side + 2) + $0 % side) * channels }
        }
        let (c1, c2) = (NetworkShape.channels1, NetworkShape.channels2)
        self.shape = shape
        self.batch = batch
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
            placeOfWindow: patchOffsets(side: shape.side2, channels: c1).map { [rowStride2] in $0 + rowStride2 + c1 })
        lists2 = PatchLists(images: batch, channels: c2, placeOfWindow: Array(0..<shape.side3 * shape.side3))
        images = floats(batch * imageSize)
        activations = floats(batch * activationSize)
        activationTangents = floats(batch * activationSize)
        features = floats(batch * shape.features)
        featureTangents = floats(batch * shape.features)
        featureGradients = floats(batch * shape.features)
        featureGradientTangents = floats(batch * shape.features)
        hidden = floats(batch * shape.hidden)
        hiddenTangents = floats(batch * shape.hidden)
        hiddenGradients = floats(batch * shape.hidden)
        hiddenGradientTangents = floats(batch * shape.hidden)
        logits = floats(batch * NetworkShape.paddedClasses)
        logitTangents = floats(batch * NetworkShape.paddedClasses)
        logitGradients = floats(batch * NetworkShape.paddedClasses)
        logitGradientTangents = floats(batch * NetworkShape.paddedClasses)
        packed1 = floats(c1 * 9)
        packed2 = floats(c2 * 9 * c1)
        z = floats(max(shape.side1 * shape.side1 * c1, shape.side2 * shape.side2 * c2))
        winners = Buffer(Array(repeating: 0, count: max(shape.side2 * shape.side2 * c1, shape.side3 * shape.side3 * c2)))
        pooled = floats(shape.side3 * shape.side3 * c2)
        activationGradient = floats(activationSize)
        partial = floats(batch * max(shape.hidden, NetworkShape.classes) * 8)
        values = floats(c2 * max(lists1.capacity, lists2.capacity))
        tangents = floats(c2 * max(lists1.capacity, lists2.capacity))
    }

    // MARK: Forward

    /// - Parameters:
    ///   - parameters: in the order of the kernels.
    ///   - places: of the images in `set`, at most B.
    ///   - keepsLists: whether `gradient` and `product` are to follow.
    func forward(
        _ parameters: Buffer<Float>, on set: ImageSet, _ places: ArraySlice<Int>, keepsLists: Bool = true
    ) -> [SoftmaxLoss] {
        let theta = parameters.base
        let (c1, c2) = (NetworkShape.channels1, NetworkShape.channels2)
        let windows = shape.side3 * shape.side3
        packWeights(theta + shape.weight1, outputs: c1, rowLength: 3, paddedRow: NetworkShape.rowLength1, packed: packed1.base)
        packWeights(
            theta + shape.weight2, outputs: c2, rowLength: NetworkShape.rowLength2, paddedRow: NetworkShape.rowLength2, packed: packed2.base
        )
        for (b, place) in places.enumerated() {
            let image = images.base + b * imageSize, activation = activations.base + b * activationSize
            for y in 0..<shape.side1 {
                for x in 0..<shape.side1 {
                    let intensity = set.images[place * ImageSet.pixels + y * shape.side1 + x]
                    image[(y + 1) * rowStride1 + x + 1] = intensities[Int(intensity)]
                }
            }
            convolve(
                image, rowStride: rowStride1, rowLength: 3, offsets: offsets1.base, pixels: shape.side1 * shape.side1,
                weights: packed1.base, bias: theta + shape.bias1, outputs: c1, output: z.base)
            activate(
                z.base, side: shape.side1, channels: c1, pool: shape.pool, patchOffsets: offsets1.base,
                output: activation + rowStride2 + c1, rowStride: rowStride2, winners: winners.base)
            if keepsLists { lists1.collect(image: b, winners: winners.base) }
            convolve(
                activation, rowStride: rowStride2, rowLength: NetworkShape.rowLength2, offsets: offsets2.base,
                pixels: shape.side2 * shape.side2, weights: packed2.base, bias: theta + shape.bias2, outputs: c2, output: z.base)
            activate(
                z.base, side: shape.side2, channels: c2, pool: shape.pool, patchOffsets: offsets2.base, output: pooled.base,
                rowStride: shape.side3 * c2, winners: winners.base)
            if keepsLists { lists2.collect(image: b, winners: winners.base) }
            let row = features.base + b * shape.features
            for c in 0..<c2 { for window in 0..<windows { row[c * windows + window] = pooled[window * c2 + c] } }
        }
        let count = places.count
        rowProducts(
            [(featureRows(features), weights3(theta))], rows: count, outputs: shape.hidden, depth: shape.features,
            bias: theta + shape.bias3, output: hiddenRows(hidden), partial: partial.base)
        for place in stride(from: 0, to: count * shape.hidden, by: 8) {
            let h = load(hidden.base + place)
            store(Vector().replacing(with: h, where: h .> 0), hidden.base + place)
        }
        rowProducts(
            [(hiddenRows(hidden), weights4(theta))], rows: count, outputs: NetworkShape.classes, depth: shape.hidden,
            bias: theta + shape.bias4, output: logitRows(logits), partial: partial.base)
        return places.enumerated().map { b, place in
            SoftmaxLoss(
                logits: (0..<NetworkShape.classes).map { Double(logits[b * NetworkShape.paddedClasses + $0]) },
                label: Int(set.labels[place])
            )
        }
    }

    // MARK: Backward

    /// ∇ of the mean loss over the batch of the last `forward`, whose losses are given.
    func gradient(
        _ parameters: Buffer<Float>, on set: ImageSet, _ places: ArraySlice<Int>, _ losses: [SoftmaxLoss], into gradient: Buffer<Float>
    ) {
        let theta = parameters.base, g = gradient.base
        let count = places.count
        clearConvolutions(g)
        for (b, place) in places.enumerated() {
            let d = losses[b].gradient(label: Int(set.labels[place]), batch: count)
            for j in 0..<NetworkShape.classes { logitGradients[b * NetworkShape.paddedClasses + j] = Float(d[j]) }
        }
        columnProducts(
            [(transposed(logitRows(logitGradients)), hiddenRows(hidden))], rows: NetworkShape.classes, columns: shape.hidden,
            depth: count, output: weights4(g))
        addRows(logitRows(logitGradients), rows: count, columns: NetworkShape.paddedClasses, to: g + shape.bias4)
        columnProducts(
            [(broadcast(logitRows(logitGradients)), weights4(theta))], rows: count, columns: shape.hidden,
            depth: NetworkShape.classes, output: hiddenRows(hiddenGradients))
        maskHidden(hiddenGradients, count: count)
        columnProducts(
            [(transposed(hiddenRows(hiddenGradients)), featureRows(features))], rows: shape.hidden, columns: shape.features,
            depth: count, output: weights3(g))
        addRows(hiddenRows(hiddenGradients), rows: count, columns: shape.hidden, to: g + shape.bias3)
        columnProducts(
            [(broadcast(hiddenRows(hiddenGradients)), weights3(theta))], rows: count, columns: shape.features,
            depth: shape.hidden, output: featureRows(featureGradients))

        for b in 0..<count {
            let activation = activations.base + b * activationSize
            for o in 0..<NetworkShape.channels2 {
                let list = lists2[b, o], values = values.base + o * lists2.capacity
                take(list, from: featureGradients.base + b * shape.features + o * shape.side3 * shape.side3, into: values)
                addPatches(g + shape.weight2 + o * 288, activation, rowStride: rowStride2, list, values: values)
                for n in 0..<list.count { g[shape.bias2 + o] += values[n] }
            }
            clear(activationGradient.base, activationSize)
            for o in 0..<NetworkShape.channels2 {
                spreadPatches(
                    theta + shape.weight2 + o * 288, activationGradient.base, rowStride: rowStride2, lists2[b, o],
                    values: values.base + o * lists2.capacity)
            }
            addFirstConvolution(g, image: b)
        }
        clearPadding(g)
    }

    /// H·v for the Hessian H of the mean loss over the batch of the last `forward` and `gradient`: the tangent of the gradient where the
    /// parameters move along v. Winners of ReLU and pooling stay winners, which is exact but on a set of measure 0.
    func product(
        _ parameters: Buffer<Float>, with vector: Buffer<Float>, _ count: Int, _ losses: [SoftmaxLoss], into product: Buffer<Float>
    ) {
        let theta = parameters.base, v = vector.base, g = product.base
        let (c1, c2) = (NetworkShape.channels1, NetworkShape.channels2)
        clearConvolutions(g)
        for b in 0..<count {
            let activation = activations.base + b * activationSize, tangent = activationTangents.base + b * activationSize
            clear(tangent, activationSize)
            for o in 0..<c1 {
                let list = lists1[b, o]
                patchProducts(
                    vectors: 1, v + shape.weight1 + o * 24, images.base + b * imageSize, rowStride: rowStride1, list, results: values.base)
                let bias = v[shape.bias1 + o]
                for n in 0..<list.count { tangent[Int(list.places[n]) + o] = bias + values[n] }
            }
            // One input at a time: both do not fit into the first-level cache.
            for o in 0..<c2 {
                patchProducts(
                    vectors: 12, v + shape.weight2 + o * 288, activation, rowStride: rowStride2, lists2[b, o],
                    results: values.base + o * lists2.capacity)
            }
            let row = featureTangents.base + b * shape.features
            clear(row, shape.features)
            for o in 0..<c2 {
                let list = lists2[b, o]
                patchProducts(
                    vectors: 12, theta + shape.weight2 + o * 288, tangent, rowStride: rowStride2, list, results: tangents.base)
                let values = values.base + o * lists2.capacity
                let bias = v[shape.bias2 + o]
                for n in 0..<list.count {
                    row[o * shape.side3 * shape.side3 + Int(list.places[n])] = bias + (values[n] + tangents[n])
                }
            }
        }
        rowProducts(
            [(featureRows(features), weights3(v)), (featureRows(featureTangents), weights3(theta))], rows: count,
            outputs: shape.hidden, depth: shape.features, bias: v + shape.bias3, output: hiddenRows(hiddenTangents),
            partial: partial.base)
        maskHidden(hiddenTangents, count: count)
        rowProducts(
            [(hiddenRows(hidden), weights4(v)), (hiddenRows(hiddenTangents), weights4(theta))], rows: count,
            outputs: NetworkShape.classes, depth: shape.hidden, bias: v + shape.bias4, output: logitRows(logitTangents),
            partial: partial.base)
        for b in 0..<count {
            let row = b * NetworkShape.paddedClasses
            let d = losses[b].gradientTangent((0..<NetworkShape.classes).map { Double(logitTangents[row + $0]) }, batch: count)
            for j in 0..<NetworkShape.classes { logitGradientTangents[row + j] = Float(d[j]) }
        }
        columnProducts(
            [
                (transposed(logitRows(logitGradientTangents)), hiddenRows(hidden)),
                (transposed(logitRows(logitGradients)), hiddenRows(hiddenTangents)),
            ], rows: NetworkShape.classes, columns: shape.hidden, depth: count, output: weights4(g))
        addRows(logitRows(logitGradientTangents), rows: count, columns: NetworkShape.paddedClasses, to: g + shape.bias4)
        columnProducts(
            [(broadcast(logitRows(logitGradientTangents)), weights4(theta)), (broadcast(logitRows(logitGradients)), weights4(v))],
            rows: count, columns: shape.hidden, depth: NetworkShape.classes, output: hiddenRows(hiddenGradientTangents))
        maskHidden(hiddenGradientTangents, count: count)
        columnProducts(
            [
                (transposed(hiddenRows(hiddenGradientTangents)), featureRows(features)),
                (transposed(hiddenRows(hiddenGradients)), featureRows(featureTangents)),
            ], rows: shape.hidden, columns: shape.features, depth: count, output: weights3(g))
        addRows(hiddenRows(hiddenGradientTangents), rows: count, columns: shape.hidden, to: g + shape.bias3)
        columnProducts(
            [(broadcast(hiddenRows(hiddenGradientTangents)), weights3(theta)), (broadcast(hiddenRows(hiddenGradients)), weights3(v))],
            rows: count, columns: shape.features, depth: shape.hidden, output: featureRows(featureGradientTangents))

        for b in 0..<count {
            let activation = activations.base + b * activationSize, tangent = activationTangents.base + b * activationSize
            for o in 0..<c2 {
                let list = lists2[b, o], rowTangents = tangents.base + o * lists2.capacity
                take(list, from: featureGradientTangents.base + b * shape.features + o * shape.side3 * shape.side3, into: rowTangents)
                addPatches(g + shape.weight2 + o * 288, activation, rowStride: rowStride2, list, values: rowTangents)
                for n in 0..<list.count { g[shape.bias2 + o] += rowTangents[n] }
            }
            for o in 0..<c2 {
                let list = lists2[b, o], values = values.base + o * lists2.capacity
                take(list, from: featureGradients.base + b * shape.features + o * shape.side3 * shape.side3, into: values)
                addPatches(g + shape.weight2 + o * 288, tangent, rowStride: rowStride2, list, values: values)
            }
            clear(activationGradient.base, activationSize)
            for o in 0..<c2 {
                spreadPatchTangents(
                    theta + shape.weight2 + o * 288, v + shape.weight2 + o * 288, activationGradient.base, rowStride: rowStride2,
                    lists2[b, o], values: values.base + o * lists2.capacity, tangents: tangents.base + o * lists2.capacity)
            }
            addFirstConvolution(g, image: b)
        }
        clearPadding(g)
    }

    // MARK: Parts of both

    /// What `activationGradient` holds at the first convolution's winners, into its weights and biases.
    private func addFirstConvolution(_ g: UnsafeMutablePointer<Float>, image b: Int) {
        for o in 0..<NetworkShape.channels1 {
            let list = lists1[b, o]
            take(list, from: activationGradient.base + o, into: values.base)
            addSmallPatches(
                g + shape.weight1 + o * 24, images.base + b * imageSize, rowStride: rowStride1, list, values: values.base)
            for n in 0..<list.count { g[shape.bias1 + o] += values[n] }
        }
    }

    private func take(_ list: PatchList, from source: UnsafePointer<Float>, into values: UnsafeMutablePointer<Float>) {
        for n in 0..<list.count { values[n] = source[Int(list.places[n])] }
    }

    private func clear(_ memory: UnsafeMutablePointer<Float>, _ count: Int) { memory.update(repeating: 0, count: count) }

    private func clearConvolutions(_ g: UnsafeMutablePointer<Float>) { clear(g, shape.weight3) }

    /// The places that `addSmallPatches` fills without meaning.
    private func clearPadding(_ g: UnsafeMutablePointer<Float>) {
        for row in 0..<NetworkShape.channels1 * 3 {
            for lane in 3..<NetworkShape.rowLength1 { g[shape.weight1 + row * NetworkShape.rowLength1 + lane] = 0 }
        }
    }

    /// Zero where the hidden unit is not above 0.
    private func maskHidden(_ values: Buffer<Float>, count: Int) {
        for place in stride(from: 0, to: count * shape.hidden, by: 8) {
            store(Vector().replacing(with: load(values.base + place), where: load(hidden.base + place) .> 0), values.base + place)
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
