// main.swift · Benchmarks/Bench. What one thread of this host does: peak of fused multiply-adds, the kernels beside it, messages.
// `make bench` prints it. Speeds of shared machines vary from minute to minute, so what counts are the ratios within one run.

import Compute
import Vocabulary
import Wire

func row(_ columns: String...) { print("| " + columns.joined(separator: " | ") + " |") }

row("what", "median", "unit", "share of the peak")
row("---", "---:", "---", "---:")
let peaks = (single: median(of: 9) { peakFLOPS(SIMD8<Float>.self) }, double: median(of: 9) { peakFLOPS(SIMD4<Double>.self) })
row("FMA peak, float32", rounded(peaks.single / 1e9), "GFLOP/s", "1")
row("FMA peak, float64", rounded(peaks.double / 1e9), "GFLOP/s", "1")
for precision in Precision.allCases {
    for lanes in [1, 16, 91] {
        let flops = median(of: 5) { groupFLOPS(lanes: lanes, precision) }
        let peak = precision == .float32 ? peaks.single : peaks.double
        row("diagonal network, \(lanes) lanes, \(precision)", rounded(flops / 1e9), "GFLOP/s", rounded(flops / peak, 2))
    }
}
for pool in Pooling.allCases {
    let baseline = secondsOfStep(lambda2: 0, pool: pool), penalized = secondsOfStep(lambda2: 0.01, pool: pool)
    // Only the paper's network has a count of operations to be compared with.
    let share = pool == .max ? rounded(Double(operationsOfStep) / baseline / peaks.single, 2) : ""
    row("convolutional network, pool \(pool), a step of 32 images", rounded(baseline * 1e3, 2), "ms", share)
    row("the same with Reg2, and how many times as long", rounded(penalized * 1e3, 2), "ms", "\(rounded(penalized / baseline, 2)) ×")
    let shared = secondsOfStep(lambda2: 0.01, pool: pool, threads: 2)
    row("with Reg2 on two threads, and how many times as fast", rounded(shared * 1e3, 2), "ms", "\(rounded(penalized / shared, 2)) ×")
}
let convolution = secondsOfConvolution()
row("second convolution of an image, forward, over patches", rounded(convolution.patches * 1e6), "µs", "")
row(
    "the same by tiles, and how many times as fast", rounded(convolution.tiles * 1e6), "µs",
    "\(rounded(convolution.patches / convolution.tiles, 2)) ×")
for (name, unit, speed) in [
    ("exponential", "million/s", exponentialSpeed), ("landscape, 8 lanes, 30 candidates", "million steps/s", landscapeSpeed),
] {
    let runs = (0..<5).map { _ in speed() }.sorted { $0.steps < $1.steps }
    row(name, rounded(runs[2].steps / 1e6, 2), unit, rounded(runs[2].flops / peaks.double, 2))
}
let frame = sampleResults().encoded()
row("encode the results of 91 trials (\(frame.count / 1024) KiB)", rounded(median(of: 9) { secondsToEncode() } * 1e6), "µs", "")
row("decode them", rounded(median(of: 9) { secondsToDecode(frame) } * 1e6), "µs", "")
row("round trip of a heartbeat, tcp on loopback", rounded(try roundTrip() * 1e6), "µs", "")
// Turn by turn, so that both have the same host.
let pairs = try (0..<7).map { _ in (plain: try wireSpeed(encrypted: false), curve: try wireSpeed(encrypted: true)) }
let plainRate = pairs.map(\.plain.leasesPerSecond).sorted()[3], plainCost = pairs.map(\.plain.cpuOfLease).sorted()[3]
let ratio = pairs.map { $0.curve.leasesPerSecond / $0.plain.leasesPerSecond }.sorted()[3]
let more = pairs.map { $0.curve.cpuOfLease - $0.plain.cpuOfLease }.sorted()[3]
row("the wire alone: leases of 16 trials and their results, plain tcp", rounded(plainRate), "leases/s", "")
row("the same with keys and encryption, relative to plain", rounded(ratio, 2), "", "")
row("CPU of both ends of such a lease, plain tcp", rounded(plainCost * 1e6), "µs", "")
row("what keys and encryption add to it", rounded(more * 1e6), "µs", "")
