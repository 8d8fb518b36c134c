// BaselineTraining.swift · Compute/DiagonalNetwork. SGD without penalties on the diagonal linear network: a step touches the rows of its batch alone.
// Same bits as ReferenceKernel.swift with λ1 = λ2 = 0, signed zeros aside, for a trial that is done.

/// One trial without penalties, in plain loops.
struct BaselineTrial {
    private let set: TrainingSet<Double>
    private let rate: Double
    private(set) var theta: [Double]

    /// - Parameter start: θ = (a, b), of shape (2d).
    init(_ set: TrainingSet<Double>, learningRate: Double, start: [Double]) {
        self.set = set
        rate = learningRate
        theta = start
    }

    /// - Parameter batch: its rows, ascending.
    mutating func step(batch: ArraySlice<Int>) {
        let d = set.dimension, scale = 2 / Double(set.batchSize)
        let point = DiagonalNetworkPoint(set, at: theta)
        let c = batch.map { scale * point.residual($0) }
        for j in 0..<d {
            let k = zip(batch, c).reduce(0.0) { $0.addingProduct(set.inputs[$1.0 * d + j], $1.1) }
            let (a, b) = (theta[j], theta[d + j])
            theta[j] = a.addingProduct(-rate, b * k)
            theta[d + j] = b.addingProduct(-rate, a * k)
        }
    }
}

/// Trials on copies of the training set, one for each lane, which have another sample at one index.
struct BaselineCopies {
    typealias Lanes = SIMD8<Double>
    static let width = Lanes.scalarCount

    private let set: TrainingSet<Double>
    private let rate: Double
    private let index: Int
    /// x′, indexed by j, and −y′.
    private let inputs: Buffer<Lanes>, minusLabels: Lanes
    private let a: Buffer<Lanes>, b: Buffer<Lanes>
    /// One entry for each sample of the batch.
    private let c: Buffer<Lanes>

    /// - Parameters:
    ///   - fresh: the samples that replace the one at this index, as a data set of its own.
    ///   - members: the range of them that these lanes train with, of 1 to `width`; further lanes repeat the last.
    init(
        _ set: TrainingSet<Double>, index: Int, fresh: DiagonalNetworkData, members: Range<Int>, learningRate: Double, start: [Double]
    ) {
        let d = set.dimension
        func lanes(_ value: (Int) -> Double) -> Lanes {
            var lanes = Lanes()
            for lane in 0..<Self.width { lanes[lane] = value(min(members.lowerBound + lane, members.upperBound - 1)) }
            return lanes
        }
        self.set = set
        self.index = index
        rate = learningRate
        inputs = Buffer((0..<d).map { j in lanes { fresh.inputs[$0 * d + j] } })
        minusLabels = lanes { -fresh.labels[$0] }
        a = Buffer(start[..<d].map { Lanes(repeating: $0) })
        b = Buffer(start[d...].map { Lanes(repeating: $0) })
        c = Buffer([Lanes](repeating: Lanes(), count: set.batchSize))
    }

    /// - Parameter batch: its rows, ascending.
    func step(batch: ArraySlice<Int>) {
        let d = set.dimension, scale = 2 / Double(set.batchSize)
        set.inputs.withUnsafeBufferPointer { shared in
            for (n, i) in batch.enumerated() {
                var r = Lanes()
                if i == index {
                    r = minusLabels
                    for j in 0..<d { r.addProduct(inputs[j], a[j] * b[j]) }
                } else {
                    r = Lanes(repeating: -set.labels[i])
                    for j in 0..<d { r.addProduct(shared[i * d + j], a[j] * b[j]) }
                }
                c[n] = scale * r
            }
            let minusRate = -rate
            for j in 0..<d {
                var k = Lanes()
                for (n, i) in batch.enumerated() {
                    if i == index { k.addProduct(inputs[j], c[n]) } else { k.addProduct(shared[i * d + j], c[n]) }
                }
                let (oldA, oldB) = (a[j], b[j])
                a[j].addProduct(minusRate, oldB * k)
                b[j].addProduct(minusRate, oldA * k)
            }
        }
    }

    /// θ = (a, b) of one lane.
    func theta(ofLane lane: Int) -> [Double] {
        (0..<set.dimension).map { a[$0][lane] } + (0..<set.dimension).map { b[$0][lane] }
    }

    /// The forms of the Hessian and of the identity in v, the difference between a lane's parameters and those of the trial itself:
    /// (N/2) vᵀ ∇²L(S) v = Σ ⟨P xᵢ, v⟩² + 2 Σ uⱼ vⱼ v_{d+j}, without a product of 2d × 2d; and ‖v‖².
    func deviation(from here: DiagonalNetworkTrainingPoint) -> (form: Lanes, square: Lanes) {
        let d = set.dimension, point = here.point
        var square = Lanes(), crossed = Lanes()
        // ⟨P xᵢ, v⟩ = ⟨xᵢ, m⟩.
        let m = Buffer([Lanes](repeating: Lanes(), count: d))
        for j in 0..<d {
            let (forA, forB) = (a[j] - point.a[j], b[j] - point.b[j])
            square.addProduct(forA, forA)
            crossed.addProduct(here.sums[j], forA * forB)
            m[j] = point.a[j] * forB
            m[j].addProduct(point.b[j], forA)
        }
        for j in 0..<d {
            let forB = b[j] - point.b[j]
            square.addProduct(forB, forB)
        }
        var form = 2 * crossed
        set.inputs.withUnsafeBufferPointer { inputs in
            for i in 0..<set.samples {
                var s = Lanes()
                for j in 0..<d { s.addProduct(inputs[i * d + j], m[j]) }
                form.addProduct(s, s)
            }
        }
        return (form, square)
    }
}
