// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target of ours is built with the same strictness; see CONTRIBUTING.md.
func strict(memorySafety: Bool = true) -> [SwiftSetting] {
    let safety: [SwiftSetting] = memorySafety ? [.strictMemorySafety()] : []
    return safety + [
        .swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("ExistentialAny"),
    ]
}

/// The kernels need AVX2 and FMA by name (without them a fused multiply-add is a call into libm) and no overflow or bounds traps in
/// their inner loops; every size is checked once, before a kernel starts (Compute/TrialPlan.swift). The compiler refuses to call
/// that strictly memory-safe, so Compute alone goes without this check.
let kernels: [SwiftSetting] =
    strict(memorySafety: false) + [.unsafeFlags(["-Ounchecked", "-Xcc", "-march=x86-64-v3"])]

let package = Package(
    name: "regsweep",
    products: [
        .executable(name: "regsweep", targets: ["regsweep"]),
        .executable(name: "regsweep-worker", targets: ["regsweep-worker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // Compute → nothing but its own header for the floating-point mode.
        .target(name: "CFloatingPoint", path: "Sources/Compute/CFloatingPoint"),
        .target(
            name: "Compute", dependencies: ["CFloatingPoint"], path: "Sources/Compute", exclude: ["CFloatingPoint"],
            swiftSettings: kernels, linkerSettings: [.linkedLibrary("m")]),

        // Wire → libzmq, protobuf-c's generated code, libsodium's SHA-256.
        .systemLibrary(name: "CZeroMQ", path: "Sources/Wire/CZeroMQ"),
        .systemLibrary(name: "CSodium", path: "Sources/Wire/CSodium"),
        .target(
            name: "CMessages", path: "Sources/Wire/CMessages", exclude: ["regsweep.proto"],
            linkerSettings: [.linkedLibrary("protobuf-c")]),
        .target(
            name: "Wire", dependencies: ["CZeroMQ", "CSodium", "CMessages"], path: "Sources/Wire",
            exclude: ["CZeroMQ", "CSodium", "CMessages"], swiftSettings: strict()),

        // Worker → Wire + Compute.
        .executableTarget(
            name: "regsweep-worker",
            dependencies: [
                "Wire", "Compute", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Worker", swiftSettings: strict()),

        // Coordinator → Wire + store. It never links the kernels.
        .systemLibrary(name: "CSQLite", path: "Sources/Coordinator/CSQLite"),
        .executableTarget(
            name: "regsweep",
            dependencies: [
                "Wire", "CSQLite", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"), .product(name: "TOMLKit", package: "TOMLKit"),
            ],
            path: "Sources/Coordinator", exclude: ["CSQLite"], swiftSettings: strict()),

        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict(memorySafety: false)),
        .testTarget(name: "ComputeTests", dependencies: ["Compute"], swiftSettings: strict(memorySafety: false)),
        .testTarget(name: "WorkerTests", dependencies: ["regsweep-worker", "Wire", "Compute"], swiftSettings: strict(memorySafety: false)),
        .testTarget(name: "CoordinatorTests", dependencies: ["regsweep", "Wire"], swiftSettings: strict(memorySafety: false)),
        .testTarget(
            name: "SimulationTests", dependencies: ["regsweep", "regsweep-worker", "Wire"], swiftSettings: strict(memorySafety: false)),
    ]
)
