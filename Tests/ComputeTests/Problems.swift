// Problems.swift · Tests/ComputeTests. Problems and lanes made from a few values; all others are the declarations' defaults.

import Vocabulary

@testable import Compute

extension ParameterError {
    /// Name and value, such as `batch_size = 4`, of an error that says what was found.
    var refusal: String {
        let value = message.firstRange(of: "found ").map { message[$0.upperBound...].prefix { $0 != "," } }
        return value.map { "\(parameter) = \($0)" } ?? "\(self)"
    }
}

extension Lane {
    init(algorithm: Algorithm = .sgd, lambda1: Double, lambda2: Double, momentum: Double = 0, weightDecay: Double = 0, learningRate: Double)
    {
        self.init(
            algorithm: algorithm,
            strengths: [.lambda1: lambda1, .lambda2: lambda2, .momentum: momentum, .weightDecay: weightDecay], learningRate: learningRate)
    }

    var lambda1: Double { strengths[.lambda1] }
    var lambda2: Double { strengths[.lambda2] }
}

extension GroupPlan {
    /// Checks nothing: for lanes that no sweep may ask for, such as those that overflow at once.
    init(_ problem: P, _ coordinates: Coordinates, unchecked lanes: [Lane]) {
        self.init(problem: problem, lanes: lanes, coordinates: coordinates)
    }
}

extension [String: ParameterValue] {
    /// Adds a value that is given.
    fileprivate mutating func put(_ name: String, _ value: Int?) { if let value { self[name] = .integer(value) } }
    fileprivate mutating func put(_ name: String, _ value: Double?) { if let value { self[name] = .real(value) } }
    fileprivate mutating func put(_ name: String, _ value: (some RawRepresentable<String>)?) {
        if let value { self[name] = .text(value.rawValue) }
    }
}

extension DiagonalNetwork {
    init(
        dimension: Int? = nil, samples: Int? = nil, nonzero: Int? = nil, signalVariance: Double? = nil, noiseVariance: Double? = nil,
        initializationScale: Double, batchSize: Int? = nil, epochs: Int? = nil, precision: Precision? = nil, recording: Recording? = nil,
        replacements: Int? = nil
    ) throws(ParameterError) {
        var values: [String: ParameterValue] = [:]
        values.put("dimension", dimension)
        values.put("samples", samples)
        values.put("nonzero", nonzero)
        values.put("signal_variance", signalVariance)
        values.put("noise_variance", noiseVariance)
        values.put("initialization_scale", initializationScale)
        values.put("batch_size", batchSize)
        values.put("epochs", epochs)
        values.put("precision", precision)
        values.put("record", recording)
        values.put("replacements", replacements)
        self.init(try Self.declaration.configuration(overriding: values))
    }
}

extension Landscape {
    init(
        candidates: Int? = nil, samples: Int? = nil, maximumProbability: Double? = nil, minimum: Shape? = nil, second: Shape? = nil,
        offset: Double? = nil, initializationsPerSide: Int? = nil, batchSize: Int? = nil, epochs: Int? = nil,
        learningRateDecay: Double? = nil, noiseDeviation: Double? = nil, recording: Recording? = nil
    ) throws(ParameterError) {
        var values: [String: ParameterValue] = [:]
        values.put("candidates", candidates)
        values.put("samples", samples)
        values.put("maximum_probability", maximumProbability)
        for (name, shape) in [("minimum", minimum), ("second", second)] {
            values.put("\(name)_height", shape?.height)
            values.put("\(name)_height_deviation", shape?.heightDeviation)
            values.put("\(name)_width", shape?.width)
            values.put("\(name)_width_deviation", shape?.widthDeviation)
        }
        values.put("offset", offset)
        values.put("initializations_per_side", initializationsPerSide)
        values.put("batch_size", batchSize)
        values.put("epochs", epochs)
        values.put("learning_rate_decay", learningRateDecay)
        values.put("noise_deviation", noiseDeviation)
        values.put("record", recording)
        self.init(try Self.declaration.configuration(overriding: values))
    }
}

extension ConvolutionalNetwork {
    init(
        train: ImageSet, test: ImageSet, samples: Int? = nil, pool: Pooling? = nil, batchSize: Int? = nil, epochs: Int? = nil,
        learningRateDecay: Double? = nil, clipNorm: Double? = nil, batchGradientEvery: Int? = nil
    ) throws(ParameterError) {
        var values: [String: ParameterValue] = [:]
        for file in Self.declaration.parameters where file.kind == .file { values[file.name] = .text(String(repeating: "0", count: 64)) }
        values.put("samples", samples)
        values.put("pool", pool)
        values.put("batch_size", batchSize)
        values.put("epochs", epochs)
        values.put("learning_rate_decay", learningRateDecay)
        values.put("clip_norm", clipNorm)
        values.put("batch_gradient_every", batchGradientEvery)
        try self.init(try Self.declaration.configuration(overriding: values), train: train, test: test)
    }
}
