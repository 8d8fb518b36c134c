// CFloatingPoint.h · Compute/CFloatingPoint. The floating-point mode of the calling thread and what the processor can do:
// two things that Swift has no words for. Everything is inline, so the module adds no code to link.
#ifndef REGSWEEP_C_FLOATING_POINT_H
#define REGSWEEP_C_FLOATING_POINT_H

#if !defined(__x86_64__)
#error "regsweep's kernels are written for x86-64-v3; Docs/numerics.md says what another architecture would have to repeat"
#endif

#include <cpuid.h>
#include <immintrin.h>

/// Bit 15 (results that would be denormal become 0) and bit 6 (denormal inputs are read as 0) of MXCSR.
enum { floating_point_flush_bits = 0x8040 };

/// Control and status word of the SSE/AVX unit of the calling thread.
static inline unsigned int floating_point_mode(void) { return _mm_getcsr(); }

static inline void floating_point_set_mode(unsigned int mode) { _mm_setcsr(mode); }

/// Nonzero if the processor has AVX2 and FMA3 and the operating system saves the wide registers.
static inline int floating_point_has_wide_fma(void) {
    unsigned int a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    const unsigned int fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28;
    if ((c & (fma | osxsave | avx)) != (fma | osxsave | avx)) return 0;
    unsigned int low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6u) != 6u) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    return (b & (1u << 5)) != 0;
}

#endif
