// LandscapeData.swift · Compute/Landscape, between Random and the landscape's kernels.
// In: configuration and coordinates. Out: candidates, their counts in a training set, the start, and the draws of an iteration, each from
// a random stream of its own (Docs/numerics.md, "Landscape"), so that a further draw from one stream changes no number of another.

internal import Vocabulary

/// One Gaussian bump: A exp(−‖θ − c‖² ÷ 2w²).
struct Bump: Sendable, Hashable {
    /// The amplitude A, negative for a minimum.
    let amplitude: Double
    /// The centre c.
    let x: Double, y: Double
    /// The inverse square of the width, 1 ÷ w².
    let inverseSquare: Double

    init(amplitude: Double, width: Double, x: Double, y: Double) {
        self.amplitude = amplitude
        self.x = x
        self.y = y
        inverseSquare = 1 / (width * width)
    }
}

/// One function f(θ) of the population, without the offset: the sum of two bumps.
typealias Candidate = InlineArray<2, Bump>

/// A population and one training set from it.
struct LandscapeData {
    let candidates: [Candidate]
    /// Index of each sample's candidate, of shape (N).
    let samples: [Int]
    /// How often the training set has each candidate, of shape (C).
    let counts: [Double]
    let offset: Double

    init(_ problem: Landscape, at coordinates: Coordinates) {
        var resample = RandomStream(seed: coordinates.seed, for: .resample, trainingSet: coordinates.trainingSet)
        self.init(
            candidates: (0..<problem.candidates).map { Self.candidate($0, of: problem, seed: coordinates.seed) },
            samples: (0..<problem.samples).map { _ in Int(resample.nextInteger(below: UInt32(problem.candidates))) }, offset: problem.offset
        )
    }

    /// For tests that bring their own data.
    init(candidates: [Candidate], samples: [Int], offset: Double) {
        self.candidates = candidates
        self.samples = samples
        self.offset = offset
        var counts = [Double](repeating: 0, count: candidates.count)
        for sample in samples { counts[sample] += 1 }
        self.counts = counts
    }

    /// Where the second critical point of a candidate can be; the first is at (7, 7).
    private static let positions: InlineArray<8, (x: Double, y: Double)> = [
        (1, 1), (1, 4), (1, 7), (4, 1), (4, 4), (4, 7), (7, 1), (7, 4),
    ]

    private static func candidate(_ index: Int, of problem: Landscape, seed: UInt64) -> Candidate {
        var stream = RandomStream(seed: seed, for: .population, step: index)
        let position = positions[Int(stream.nextInteger(below: 8))]
        let isMaximum = stream.nextUniform() < problem.maximumProbability
        func draw(_ mean: Double, _ deviation: Double) -> Double { max(mean + deviation * stream.nextNormal(), 0.2 * mean) }
        let height = draw(problem.minimum.height, problem.minimum.heightDeviation)
        let width = draw(problem.minimum.width, problem.minimum.widthDeviation)
        let secondHeight = draw(problem.second.height, problem.second.heightDeviation)
        let secondWidth = draw(problem.second.width, problem.second.widthDeviation)
        return [
            Bump(amplitude: -height, width: width, x: 7, y: 7),
            Bump(amplitude: isMaximum ? secondHeight : -secondHeight, width: secondWidth, x: position.x, y: position.y),
        ]
    }

    /// θ at the start: the grid's points by x, then y.
    static func start(_ problem: Landscape, at coordinates: Coordinates) -> SIMD2<Double> {
        let (column, row) = coordinates.initialization.quotientAndRemainder(dividingBy: problem.initializationsPerSide)
        let last = Double(problem.initializationsPerSide - 1)
        return SIMD2(LandscapeDomain.side * Double(column) / last, LandscapeDomain.side * Double(row) / last)
    }

    /// What iteration `iteration` (from 0) draws.
    static func draw(_ problem: Landscape, at coordinates: Coordinates, iteration: Int) -> LandscapeDraw {
        func stream(_ purpose: Purpose) -> RandomStream {
            RandomStream(
                seed: coordinates.seed, for: purpose, step: iteration, trainingSet: coordinates.trainingSet,
                initialization: coordinates.initialization, replicate: coordinates.replicate)
        }
        var order = stream(.batchOrder), noise = stream(.gradientNoise)
        let batch = (0..<problem.batchSize).map { _ in Int(order.nextInteger(below: UInt32(problem.samples))) }
        let x = noise.nextNormal()
        return LandscapeDraw(batch: batch, noise: SIMD2(x, noise.nextNormal()))
    }
}

/// Another candidate for one sample of the training set: S becomes Sⁱ.
struct Replacement: Hashable {
    /// i, below N.
    let index: Int
    /// z′, an index into the population.
    let candidate: Int
}

/// What all lanes of a group draw for one iteration.
struct LandscapeDraw {
    /// Places of the training set that make the mini-batch, in order, drawn with replacement.
    let batch: [Int]
    /// Two standard normals.
    let noise: SIMD2<Double>
}
