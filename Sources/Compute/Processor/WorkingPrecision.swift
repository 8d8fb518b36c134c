// WorkingPrecision.swift · Compute/Processor. The two floating-point types that kernels compute in.

/// The type in which the training step computes: Float or Double.
protocol WorkingPrecision: BinaryFloatingPoint, SIMDScalar, Codable {
    /// The IEEE 754 bit pattern, zero-extended to 64 bits.
    var wideBitPattern: UInt64 { get }
}

extension Float: WorkingPrecision {
    var wideBitPattern: UInt64 { UInt64(bitPattern) }
}

extension Double: WorkingPrecision {
    var wideBitPattern: UInt64 { bitPattern }
}
