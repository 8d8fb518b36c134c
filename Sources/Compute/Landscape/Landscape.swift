// Landscape.swift · Compute/Landscape. The idealized experiment of the paper's section 2.4 and appendix A.1 (Table 1).
// In: its configuration, checked here. Out: records, by way of LandscapeData.swift and LandscapeKernel.swift.

/// The mean over a training set of functions of θ ∈ [0, 8]², each the sum of two Gaussian bumps and drawn from a finite population.
public struct Landscape: Problem {
    public static let name = "landscape"

    /// θ stays in [0, side]².
    static let side = 8.0

    /// Means and standard deviations of the bumps at one of a candidate's two critical points.
    public struct Shape: Sendable, Hashable {
        public var height: Double, heightDeviation: Double, width: Double, widthDeviation: Double

        public init(height: Double, heightDeviation: Double, width: Double, widthDeviation: Double) {
            self.height = height
            self.heightDeviation = heightDeviation
            self.width = width
            self.widthDeviation = widthDeviation
        }
    }

    /// C, the size of the population; and N, that of a training set, drawn from it with replacement.
    public let candidates: Int, samples: Int
    /// ρ: how likely a candidate's second critical point is a maximum.
    public let maximumProbability: Double
    /// The minimum at (7, 7), and the critical point elsewhere.
    public let minimum: Shape, second: Shape
    /// Added to every loss, so that losses are positive and have ratios.
    public let offset: Double
    /// Initialization i is point i of a grid of so many by so many on [0, 8]².
    public let initializationsPerSide: Int
    /// B, drawn from the training set with replacement.
    public let batchSize: Int
    /// Iterations.
    public let epochs: Int
    /// What the learning rate is multiplied with after each iteration.
    public let learningRateDecay: Double
    /// σ of `noisy-gd`.
    public let noiseDeviation: Double
    /// What a trial leaves besides its losses (Docs/numerics.md, "Landscape: series").
    public let recording: Recording

    /// What the random counters and memory can hold.
    public enum Limit {
        /// C, N and B.
        public static let count = 1 << 16
        /// 256² initializations fill their field of the random counters.
        public static let perSide = 1 << 8
        /// Heights, widths and what else is a real number: no square of a width and no sum of losses is near the ends of Float64.
        public static let real = 1e6
        public static let narrowest = 1e-3
    }

    /// The defaults are those of numerics.md.
    /// - Throws: for a value that cannot be computed, with its name in a sweep file.
    public init(
        candidates: Int = 30, samples: Int = 30, maximumProbability: Double = 0.35,
        minimum: Shape = Shape(height: 31, heightDeviation: 3.1, width: 1.9, widthDeviation: 0.19),
        second: Shape = Shape(height: 44, heightDeviation: 4.4, width: 0.83, widthDeviation: 0.083), offset: Double = 36,
        initializationsPerSide: Int = 10, batchSize: Int = 2, epochs: Int = 200, learningRateDecay: Double = 0.99,
        noiseDeviation: Double = 1.25, recording: Recording = .losses
    ) throws(PlanError) {
        try require("candidates", candidates, 1...Limit.count)
        try require("samples", samples, 1...Limit.count)
        try require("maximum_probability", maximumProbability, 0...1)
        for (name, shape) in [("minimum", minimum), ("second", second)] {
            try require("\(name)_height", shape.height, 0...Limit.real)
            try require("\(name)_height_deviation", shape.heightDeviation, 0...Limit.real)
            try require("\(name)_width", shape.width, Limit.narrowest...Limit.real)
            try require("\(name)_width_deviation", shape.widthDeviation, 0...Limit.real)
        }
        try require("offset", offset, -Limit.real...Limit.real)
        try require("initializations_per_side", initializationsPerSide, 2...Limit.perSide)
        try require("batch_size", batchSize, 1...Limit.count)
        try require("epochs", epochs, 1...(recording == .losses ? 1 << 32 - 1 : Recording.epochs))
        try require("learning_rate_decay", learningRateDecay, 0...1)
        try require("noise_deviation", noiseDeviation, 0...Limit.real)
        self.candidates = candidates
        self.samples = samples
        self.maximumProbability = maximumProbability
        self.minimum = minimum
        self.second = second
        self.offset = offset
        self.initializationsPerSide = initializationsPerSide
        self.batchSize = batchSize
        self.epochs = epochs
        self.learningRateDecay = learningRateDecay
        self.noiseDeviation = noiseDeviation
        self.recording = recording
    }

    public func check(_ lanes: [Lane], at coordinates: Coordinates) throws(PlanError) {
        let points = initializationsPerSide * initializationsPerSide
        guard coordinates.initialization < points else {
            throw PlanError(parameter: "initialization", value: "\(coordinates.initialization)", allowed: "from 0 to \(points - 1)")
        }
        for lane in lanes where lane.algorithm != .sgd && lane.lambda2 != 0 {
            throw PlanError(
                parameter: "lambda2", value: "\(lane.lambda2)",
                allowed: "0 with \(lane.algorithm.rawValue), which has no mini-batch that could deviate")
        }
    }

    @inline(never)
    public func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]? {
        train(lanes, at: coordinates, by: LandscapeLaneKernel.self, observe: observe)
    }
}

extension Landscape {
    /// - Throws: for a parameter that is missing or of another type, and for what the initializer above refuses.
    public init(_ parameters: some Parameters) throws {
        _ = try parameters.precision(of: [.float64])
        func shape(_ name: String) throws -> Shape {
            try Shape(
                height: parameters.real("\(name)_height"), heightDeviation: parameters.real("\(name)_height_deviation"),
                width: parameters.real("\(name)_width"), widthDeviation: parameters.real("\(name)_width_deviation"))
        }
        try self.init(
            candidates: parameters.integer("candidates"), samples: parameters.integer("samples"),
            maximumProbability: parameters.real("maximum_probability"), minimum: shape("minimum"), second: shape("second"),
            offset: parameters.real("offset"), initializationsPerSide: parameters.integer("initializations_per_side"),
            batchSize: parameters.integer("batch_size"), epochs: parameters.integer("epochs"),
            learningRateDecay: parameters.real("learning_rate_decay"), noiseDeviation: parameters.real("noise_deviation"),
            recording: parameters.recording())
    }
}

extension Landscape {
    /// All kernels give the same bits.
    @inline(never)
    func train<K: LandscapeKernel>(
        _ lanes: [Lane], at coordinates: Coordinates, by kernel: K.Type, observe: ([Observation]) -> Flow
    ) -> [TrialRecord]? {
        let data = LandscapeData(self, at: coordinates)
        let start = LandscapeData.start(self, at: coordinates)
        let draw = { LandscapeData.draw(self, at: coordinates, iteration: $0) }
        var blocks = stride(from: 0, to: lanes.count, by: K.width).map { first in
            let members = Array(first..<min(first + K.width, lanes.count))
            let steps = steps(members.map { (lanes[$0], nil) }, data, start: start, by: kernel, draw: draw)
            return (members: members, kernel: K(data, steps, decay: learningRateDecay, start: start))
        }
        var records = [TrialRecord](
            repeating: TrialRecord(outcome: .done, epochs: 0, trainLoss: .nan, testLoss: .nan, curve: [], parameterBits: []),
            count: lanes.count)
        var paths = [[SIMD2<Double>]](repeating: recording == .losses ? [] : [start], count: lanes.count)
        let rule = CurveRule(epochs: epochs)

        for epoch in 1...epochs {
            let drawn = draw(epoch - 1)
            let isCurvePoint = rule.hasPoint(at: epoch)
            var observations: [Observation] = []
            var isAlive = false
            for index in blocks.indices {
                blocks[index].kernel.evaluate()
                blocks[index].kernel.step(drawn)
                let losses = isCurvePoint ? blocks[index].kernel.losses() : []
                for (lane, member) in blocks[index].members.enumerated() where records[member].outcome == .done {
                    records[member].epochs = epoch
                    // Clipping keeps every number in the domain, where losses are bounded; NaN alone gets through.
                    let theta = blocks[index].kernel.parameters(ofLane: lane)
                    guard !theta.x.isNaN, !theta.y.isNaN else {
                        records[member].outcome = .diverged
                        continue
                    }
                    isAlive = true
                    if recording != .losses { paths[member].append(theta) }
                    guard isCurvePoint else { continue }
                    let point = CurvePoint(epoch: epoch, trainLoss: losses[lane].train, testLoss: losses[lane].test)
                    records[member].curve.append(point)
                    observations.append(Observation(lane: member, point: point))
                }
            }
            guard isAlive else { break }
            if isCurvePoint, observe(observations) == .stop { return nil }
        }

        for block in blocks {
            for (lane, member) in block.members.enumerated() where records[member].outcome == .done {
                // The last iteration is a curve point, so a trial that is done has one.
                guard let last = records[member].curve.last else { continue }
                records[member].trainLoss = last.trainLoss
                records[member].testLoss = last.testLoss
                let theta = block.kernel.parameters(ofLane: lane)
                records[member].parameterBits = [theta.x.bitPattern, theta.y.bitPattern]
            }
        }
        for (member, path) in paths.enumerated() {
            switch recording {
            case .losses: break
            case .trajectory: records[member].series = pathSeries(path, data) + mapSeries(data, at: coordinates)
            case .variability:
                let isDone = records[member].outcome == .done
                let theory = isDone ? variabilitySeries(of: lanes[member], path, data, at: coordinates, by: kernel, observe: observe) : []
                guard let theory else { return nil }
                records[member].series = pathSeries(path, data) + theory
            }
        }
        return records
    }

    /// What each lane does in a step, σ included.
    ///
    /// `noisy-gd-matched` has 2σ² equal to the mean of Tr Σ_B over the iterations of plain SGD at the same rate on the same training set.
    /// That run is made here for itself, whether or not it is a lane: no lane's result may depend on another.
    /// - Parameter lanes: from 1 to `K.width`.
    func steps<K: LandscapeKernel>(
        _ lanes: [(lane: Lane, replacement: Replacement?)], _ data: LandscapeData, start: SIMD2<Double>, by kernel: K.Type,
        draw: (Int) -> LandscapeDraw
    ) -> [LandscapeStep] {
        guard lanes.contains(where: { $0.lane.algorithm == .noisyGDMatched }) else {
            return lanes.map { LandscapeStep($0, deviation: noiseDeviation, replacement: $1) }
        }
        let plain = lanes.map { lane, replacement in
            LandscapeStep(Lane(lambda1: 0, lambda2: 0, learningRate: lane.learningRate), deviation: 0, replacement: replacement)
        }
        var kernel = K(data, plain, decay: learningRateDecay, start: start)
        var sums = lanes.map { _ in 0.0 }
        for iteration in 0..<epochs {
            kernel.evaluate()
            for (lane, trace) in kernel.gradientVariances().prefix(lanes.count).enumerated() { sums[lane] += trace }
            kernel.step(draw(iteration))
        }
        return zip(lanes, sums).map { lane, sum in
            let matched = (sum / Double(epochs) / Double(batchSize) / 2).squareRoot()
            let deviation = lane.lane.algorithm == .noisyGDMatched ? matched : noiseDeviation
            return LandscapeStep(lane.lane, deviation: deviation, replacement: lane.replacement)
        }
    }
}
