// WorkingPrecision.swift · Compute/Processor. The two floating-point types that kernels compute in.

/// Float or Double: what the step of a trial computes in.
protocol WorkingPrecision: BinaryFloatingPoint, SIMDScalar, Codable {
    /// The bit pattern, zero-extended.
    var wideBitPattern: UInt64 { get }
}

extension Float: WorkingPrecision {
    var wideBitPattern: UInt64 { UInt64(bitPattern) }
}

extension Double: WorkingPrecision {
    var wideBitPattern: UInt64 { bitPattern }
}
