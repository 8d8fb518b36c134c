// FloatingPointMode.swift · Compute/Processor. Sets the processor's floating-point mode; run(_:observe:) computes every trial in it.

internal import CFloatingPoint

/// Makes the calling thread read denormal numbers as 0 and round denormal results to 0 from now on. `run` does so itself and restores
/// the mode of its caller; a thread that does nothing but compute may call this once.
public func flushDenormals() {
    floating_point_set_mode(floating_point_mode() | UInt32(floating_point_flush_bits))
}

/// MXCSR of the calling thread without its exception flags, which any inexact operation may set.
package func floatingPointMode() -> UInt32 { floating_point_mode() & ~0x3F }

/// Sets the rounding and flushing bits of MXCSR, for tests.
package func setFloatingPointMode(_ mode: UInt32) { floating_point_set_mode(mode) }

/// Runs `body` with round-to-nearest, all exceptions masked and denormals flushed, and restores the caller's mode afterwards.
///
/// Runs that collapse to w = 0 pass through denormal numbers, each of which costs the processor about a hundred cycles. The
/// compiler does not know that arithmetic depends on the mode, so `body` must not be inlined: give it a function that is not.
func withFlushedDenormals<Result>(_ body: () -> Result) -> Result {
    let before = floating_point_mode()
    // 0x1F80 is the mode in which a process starts: nearest, all six exceptions masked.
    floating_point_set_mode(0x1F80 | UInt32(floating_point_flush_bits))
    defer { floating_point_set_mode(before) }
    return body()
}

/// Whether this processor has AVX2, FMA and the rest of x86-64-v3, for which the kernels are compiled. Must be asked before the first
/// `run`, which would otherwise end the process with an illegal instruction.
public func processorRunsKernels() -> Bool { floating_point_has_wide_fma() != 0 }
