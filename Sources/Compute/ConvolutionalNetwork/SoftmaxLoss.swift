// SoftmaxLoss.swift · Compute/ConvolutionalNetwork. The last layer, in Float64 for every kernel: ten numbers an image cost nothing.

/// Softmax and cross-entropy of one image.
struct SoftmaxLoss {
    /// The loss −ln p for the probability p of the image's class.
    let loss: Double
    let probabilities: [Double]
    /// The class with the largest logit; the first where several are equal.
    let prediction: Int

    /// - Parameter logits: finite; otherwise the loss is NaN.
    init(logits: [Double], label: Int) {
        var largest = logits[0], index = 0
        for (j, logit) in logits.enumerated() where logit > largest { (largest, index) = (logit, j) }
        let powers = logits.map { exponential($0 - largest) }
        let sum = powers.reduce(0, +)
        // The sum lies between 1 and the number of classes, or is NaN: an argument that the logarithm accepts.
        loss = sum.isFinite ? naturalLogarithm(sum) - (logits[label] - largest) : .nan
        probabilities = powers.map { $0 / sum }
        prediction = index
    }

    /// The gradient with respect to the logits of this image's share of the batch's mean loss.
    func gradient(label: Int, batch: Int) -> [Double] {
        probabilities.enumerated().map { j, p in (p - (j == label ? 1 : 0)) / Double(batch) }
    }

    /// The derivative of that gradient along a change t of the logits: p ⊙ (t − ⟨p, t⟩) ÷ B.
    func gradientTangent(_ tangent: [Double], batch: Int) -> [Double] {
        let mean = zip(probabilities, tangent).reduce(0.0) { $0.addingProduct($1.0, $1.1) }
        return zip(probabilities, tangent).map { p, t in p * (t - mean) / Double(batch) }
    }
}
