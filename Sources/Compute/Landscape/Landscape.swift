// Landscape.swift · Compute/Landscape. The idealized experiment of the paper's section 2.4 and appendix A.1 (Table 1).
// In: its configuration, checked here. Out: records, by way of LandscapeData.swift and LandscapeKernel.swift.

public import Vocabulary

/// The mean over a training set of functions of θ ∈ [0, 8]², each the sum of two Gaussian bumps and drawn from a finite population.
public struct Landscape: Problem {
    public static let declaration = ProblemDeclaration.landscape

    public let configuration: Configuration

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

    /// The size C of the population, and the size N of a training set, which is drawn from it with replacement.
    public let candidates: Int, samples: Int
    /// The probability ρ that a candidate's second critical point is a maximum.
    public let maximumProbability: Double
    /// Shapes of the minimum at (7, 7) and of the second critical point.
    public let minimum: Shape, second: Shape
    /// A constant in every loss, so that losses are positive and have ratios.
    public let offset: Double
    /// Initialization i is point i of a grid of so many by so many on [0, 8]².
    public let initializationsPerSide: Int
    /// The batch size B. Batches are drawn from the training set with replacement.
    public let batchSize: Int
    /// Number of iterations; an epoch of this problem is one iteration.
    public let epochs: Int
    /// Factor of the learning rate after each iteration.
    public let learningRateDecay: Double
    /// Standard deviation σ of the noise of `noisy-gd`.
    public let noiseDeviation: Double
    /// What a trial leaves besides its losses (Docs/numerics.md, "Landscape: series").
    public let recording: Recording

    public init(_ configuration: Configuration, _ data: some DataSource) { self.init(configuration) }

    /// - Parameter configuration: values that the declaration allows.
    public init(_ configuration: Configuration) {
        func shape(_ name: String) -> Shape {
            Shape(
                height: configuration.real("\(name)_height"), heightDeviation: configuration.real("\(name)_height_deviation"),
                width: configuration.real("\(name)_width"), widthDeviation: configuration.real("\(name)_width_deviation"))
        }
        self.configuration = configuration
        candidates = configuration.integer("candidates")
        samples = configuration.integer("samples")
        maximumProbability = configuration.real("maximum_probability")
        (minimum, second) = (shape("minimum"), shape("second"))
        offset = configuration.real("offset")
        initializationsPerSide = configuration.integer("initializations_per_side")
        batchSize = configuration.integer("batch_size")
        epochs = configuration.integer("epochs")
        learningRateDecay = configuration.real("learning_rate_decay")
        noiseDeviation = configuration.real("noise_deviation")
        recording = configuration.choice("record")
    }

    @inline(never)
    public func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]? {
        train(lanes, at: coordinates, by: LandscapeLaneKernel.self, observe: observe)
    }
}

extension Landscape {
    /// Trains lanes with a kernel of a given type. All kernels give the same bits, so tests can compare them.
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
                    // Clipping holds every parameter in the domain, where losses are bounded; only NaN passes it.
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

    /// The constants of each lane's step, σ included.
    ///
    /// `noisy-gd-matched` has 2σ² equal to the mean of Tr Σ_B over the iterations of plain SGD at the same rate on the same training set.
    /// That run is made here, whether or not it is a lane of the group: no lane's result may depend on another.
    /// - Parameter lanes: from 1 to `K.width`.
    func steps<K: LandscapeKernel>(
        _ lanes: [(lane: Lane, replacement: Replacement?)], _ data: LandscapeData, start: SIMD2<Double>, by kernel: K.Type,
        draw: (Int) -> LandscapeDraw
    ) -> [LandscapeStep] {
        guard lanes.contains(where: { $0.lane.algorithm == .noisyGDMatched }) else {
            return lanes.map { LandscapeStep($0, deviation: noiseDeviation, replacement: $1) }
        }
        let plain = lanes.map { lane, replacement in
            LandscapeStep(
                Lane(strengths: lane.strengths.withoutPenalties, learningRate: lane.learningRate), deviation: 0, replacement: replacement)
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
