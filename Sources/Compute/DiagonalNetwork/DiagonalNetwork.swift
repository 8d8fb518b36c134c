// DiagonalNetwork.swift · Compute/DiagonalNetwork. The diagonal linear network of the paper's appendix A.2 (Figure 4).
// In: its configuration, checked here. Out: records, by way of DiagonalNetworkData.swift and the kernels.

/// f(x; θ) = ⟨a⊙b, x⟩ with θ = (a, b) ∈ R²ᵈ, trained on (f(x) − y)² with labels y = ⟨β, x⟩ + ξ of a sparse β.
public struct DiagonalNetwork: Problem {
    public static let name = "diagonal-network"

    /// d, the length of x, a and b.
    public let dimension: Int
    /// N, the size of a training set.
    public let samples: Int
    /// How many entries of β are not 0.
    public let nonzero: Int
    /// Variance of those entries, and of the label noise ξ.
    public let signalVariance: Double, noiseVariance: Double
    /// σ: standard deviation of every entry of a and b at the start, for this initialization.
    public let initializationScale: Double
    /// B. Divides N: an epoch shows every sample once.
    public let batchSize: Int
    public let epochs: Int
    public let precision: Precision
    /// What a trial leaves besides its losses (Docs/numerics.md, "Network: series"): `losses` or `variability`.
    public let recording: Recording
    /// Fresh samples that take each place of the training set in turn, where the variability is recorded.
    public let replacements: Int

    /// What the random counters and memory can hold.
    public enum Limit {
        /// d and N. 65,536: ten times any network of the kind that was published.
        public static let side = 1 << 16
        /// d·N. 2²⁴: the eight copies of the inputs (as drawn, rounded and packed) then take 1 GiB in Float64.
        public static let elements = 1 << 24
        /// Epochs. 2³² − 1: they are counted in one word of the random counters.
        public static let epochs = 1 << 32 - 1
        /// d, where the variability is recorded. 2¹⁰: the covariances, each of 2d × 2d, then take 160 MiB.
        public static let recordedDimension = 1 << 10
        public static let replacements = 1 << 12
    }

    /// The defaults are those of numerics.md.
    /// - Throws: for a value that cannot be computed, with its name in a sweep file. a = b everywhere cannot arise: a and b are drawn
    ///   independently at any scale.
    public init(
        dimension: Int = 100, samples: Int = 40, nonzero: Int = 5, signalVariance: Double = 2, noiseVariance: Double = 1,
        initializationScale: Double, batchSize: Int = 1, epochs: Int = 200, precision: Precision = .float32,
        recording: Recording = .losses, replacements: Int = 8
    ) throws(PlanError) {
        func require(_ holds: Bool, _ name: String, _ value: some CustomStringConvertible, _ allowed: String) throws(PlanError) {
            if !holds { throw PlanError(parameter: name, value: "\(value)", allowed: allowed) }
        }
        try require((1...Limit.side).contains(dimension), "dimension", dimension, "from 1 to \(Limit.side)")
        try require((1...Limit.side).contains(samples), "samples", samples, "from 1 to \(Limit.side)")
        try require(
            samples * dimension <= Limit.elements, "samples", samples,
            "at most \(Limit.elements / dimension) with dimension = \(dimension)")
        try require(
            (0...dimension).contains(nonzero), "nonzero", nonzero, "from 0 to dimension = \(dimension)")
        try require(
            signalVariance >= 0 && signalVariance.isFinite, "signal_variance", signalVariance, "at least 0 and finite")
        try require(noiseVariance >= 0 && noiseVariance.isFinite, "noise_variance", noiseVariance, "at least 0 and finite")
        try require(
            initializationScale > 0 && initializationScale.isFinite, "initialization_scale", initializationScale,
            "above 0 and finite: a network that starts at 0 stays there")
        try require(
            batchSize >= 1 && batchSize <= samples && samples.isMultiple(of: batchSize), "batch_size", batchSize,
            "a divisor of samples = \(samples): every sample is used once in each epoch")
        try require((1...Limit.epochs).contains(epochs), "epochs", epochs, "from 1 to \(Limit.epochs)")
        try require(recording != .trajectory, "record", recording.rawValue, "losses or variability with \(Self.name)")
        try require((1...Limit.replacements).contains(replacements), "replacements", replacements, "from 1 to \(Limit.replacements)")
        if recording == .variability {
            let with = "with record = variability"
            try require(precision == .float64, "precision", precision.rawValue, "float64 \(with)")
            try require(epochs <= Recording.epochs, "epochs", epochs, "from 1 to \(Recording.epochs) \(with)")
            try require(
                dimension <= Limit.recordedDimension, "dimension", dimension, "from 1 to \(Limit.recordedDimension) \(with)")
        }
        self.dimension = dimension
        self.samples = samples
        self.nonzero = nonzero
        self.signalVariance = signalVariance
        self.noiseVariance = noiseVariance
        self.initializationScale = initializationScale
        self.batchSize = batchSize
        self.epochs = epochs
        self.precision = precision
        self.recording = recording
        self.replacements = replacements
    }

    public func check(_ lanes: [Lane], at coordinates: Coordinates) throws(PlanError) {
        for lane in lanes where lane.algorithm != .sgd {
            throw PlanError(parameter: "algorithm", value: lane.algorithm.rawValue, allowed: "sgd with \(Self.name)")
        }
        guard recording == .variability else { return }
        for (name, values) in [("lambda1", lanes.map(\.lambda1)), ("lambda2", lanes.map(\.lambda2))] {
            for value in values where value != 0 {
                throw PlanError(parameter: name, value: "\(value)", allowed: "0 with record = variability, which is about SGD alone")
            }
        }
    }

    @inline(never)
    public func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]? {
        // 64 bytes of lanes side by side: two AVX2 registers, so that five rows of them fill the ten accumulators that hide the
        // latency of a fused multiply-add.
        guard
            var records = train(lanes, at: coordinates, kernel: precision == .float32 ? .wide16 : .wide8, observe: observe)
        else { return nil }
        guard recording == .variability else { return records }
        for (lane, member) in zip(lanes, records.indices) where records[member].outcome == .done {
            guard let series = variabilitySeries(of: lane, at: coordinates, observe: observe) else { return nil }
            records[member].series = series
        }
        return records
    }
}

extension DiagonalNetwork {
    /// - Throws: for a parameter that is missing or of another type, and for what the initializer above refuses.
    public init(_ parameters: some Parameters) throws {
        try self.init(
            dimension: parameters.integer("dimension"), samples: parameters.integer("samples"), nonzero: parameters.integer("nonzero"),
            signalVariance: parameters.real("signal_variance"), noiseVariance: parameters.real("noise_variance"),
            initializationScale: parameters.real("initialization_scale"), batchSize: parameters.integer("batch_size"),
            epochs: parameters.integer("epochs"), precision: parameters.precision(), recording: parameters.recording(),
            replacements: parameters.integer("replacements"))
    }
}

/// Which kernel trains: all give the same bits.
enum KernelChoice: CaseIterable {
    /// Plain loops, one lane at a time.
    case reference
    /// So many lanes side by side.
    case wide4, wide8, wide16
}

extension DiagonalNetwork {
    @inline(never)
    func train(
        _ lanes: [Lane], at coordinates: Coordinates, kernel: KernelChoice, observe: ([Observation]) -> Flow
    ) -> [TrialRecord]? {
        // Spelled out, because only a kernel whose types are known here is compiled to AVX2.
        switch (precision, kernel) {
        case (.float32, .reference): train(lanes, at: coordinates, by: ReferenceKernel<Float>.self, observe: observe)
        case (.float32, .wide4): train(lanes, at: coordinates, by: LaneKernel<SIMD4<Float>>.self, observe: observe)
        case (.float32, .wide8): train(lanes, at: coordinates, by: LaneKernel<SIMD8<Float>>.self, observe: observe)
        case (.float32, .wide16): train(lanes, at: coordinates, by: LaneKernel<SIMD16<Float>>.self, observe: observe)
        case (.float64, .reference): train(lanes, at: coordinates, by: ReferenceKernel<Double>.self, observe: observe)
        case (.float64, .wide4): train(lanes, at: coordinates, by: LaneKernel<SIMD4<Double>>.self, observe: observe)
        case (.float64, .wide8): train(lanes, at: coordinates, by: LaneKernel<SIMD8<Double>>.self, observe: observe)
        case (.float64, .wide16): train(lanes, at: coordinates, by: LaneKernel<SIMD16<Double>>.self, observe: observe)
        }
    }

    private func train<K: StepKernel>(
        _ lanes: [Lane], at coordinates: Coordinates, by kernel: K.Type, observe: ([Observation]) -> Flow
    ) -> [TrialRecord]? {
        let data = DiagonalNetworkData(self, at: coordinates)
        let start = DiagonalNetworkData.initialParameters(self, at: coordinates).map { K.Scalar($0) }
        let shared = kernel.share(TrainingSet(data, batchSize: batchSize))
        return Compute.train(
            lanes, batchSize: batchSize, epochs: epochs, making: { K(shared, lanes: $0, start: start) },
            order: { epoch in DiagonalNetworkData.batchOrder(self, at: coordinates, epoch: epoch) }, observe: observe)
    }
}
