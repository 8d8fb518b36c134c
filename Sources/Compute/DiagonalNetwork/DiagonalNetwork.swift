// DiagonalNetwork.swift · Compute/DiagonalNetwork. The diagonal linear network of the paper's appendix A.2 (Figure 4).
// In: its configuration, checked here. Out: records, by way of DiagonalNetworkData.swift and the kernels.

public import Vocabulary

/// f(x; θ) = ⟨a⊙b, x⟩ with θ = (a, b) ∈ R²ᵈ, trained on (f(x) − y)² with labels y = ⟨β, x⟩ + ξ of a sparse β.
public struct DiagonalNetwork: Problem {
    public static let declaration = ProblemDeclaration.diagonalNetwork

    public let configuration: Configuration

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
    /// The batch size B. It divides N, since an epoch uses every sample once.
    public let batchSize: Int
    public let epochs: Int
    public let precision: Precision
    /// What a trial leaves besides its losses (Docs/numerics.md, "Network: series"): `losses` or `variability`.
    public let recording: Recording
    /// Number of fresh samples that replace each sample of the training set in turn, where the variability is recorded.
    public let replacements: Int

    public init(_ configuration: Configuration, _ data: some DataSource) { self.init(configuration) }

    /// - Parameter configuration: values that the declaration allows.
    public init(_ configuration: Configuration) {
        self.configuration = configuration
        dimension = configuration.integer("dimension")
        samples = configuration.integer("samples")
        nonzero = configuration.integer("nonzero")
        (signalVariance, noiseVariance) = (configuration.real("signal_variance"), configuration.real("noise_variance"))
        initializationScale = configuration.real("initialization_scale")
        batchSize = configuration.integer("batch_size")
        epochs = configuration.integer("epochs")
        precision = configuration.choice("precision")
        recording = configuration.choice("record")
        replacements = configuration.integer("replacements")
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

/// The kernel that trains. All kernels give the same bits.
enum KernelChoice: CaseIterable {
    /// Plain loops, one lane at a time.
    case reference
    /// A kernel with this many lanes side by side.
    case wide4, wide8, wide16
}

extension DiagonalNetwork {
    @inline(never)
    func train(
        _ lanes: [Lane], at coordinates: Coordinates, kernel: KernelChoice, observe: ([Observation]) -> Flow
    ) -> [TrialRecord]? {
        // Each type is written out, because only a kernel whose types are known here is specialized to AVX2.
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
