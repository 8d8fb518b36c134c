// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors in all of our targets, and memory safety is strict in all that is shipped but the kernels.
func strict(memorySafety: Bool = true) -> [SwiftSetting] {
    let safety: [SwiftSetting] = memorySafety ? [.strictMemorySafety()] : []
    return safety + [
        .swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("ExistentialAny"),
    ]
}

/// The kernels need AVX2 and FMA by name (without them a fused multiply-add is a call into libm), whole-module optimization (generic
/// kernels are specialized from other files), also in debug builds, where the tests run them, and no overflow or bounds traps in their
/// inner loops; every size is checked once, before a kernel starts (Compute/Training/TrialPlan.swift). One thread: SwiftPM's debug build wants an
/// object for each file, which the compiler makes only in this mode. What is built so cannot be strictly memory-safe.
let kernels: [SwiftSetting] =
    strict(memorySafety: false) + [
        .unsafeFlags([
            "-Ounchecked", "-disable-batch-mode", "-whole-module-optimization", "-num-threads", "1", "-Xcc", "-march=x86-64-v3",
        ])
    ]

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
        // Compute → Vocabulary and its own header for the floating-point mode.
        .target(name: "CFloatingPoint", path: "Sources/Compute/CFloatingPoint"),
        .target(
            name: "Compute", dependencies: ["Vocabulary", "CFloatingPoint"], path: "Sources/Compute", exclude: ["CFloatingPoint"],
            swiftSettings: kernels, linkerSettings: [.linkedLibrary("m")]),

        // Vocabulary → nothing: plain values and the declarations of problems.
        .target(name: "Vocabulary", path: "Sources/Wire/Vocabulary", swiftSettings: strict()),

        // Wire → Vocabulary, libzmq, protobuf-c's generated code, libsodium's SHA-256, swift-log for the log of both programs.
        .systemLibrary(name: "CZeroMQ", path: "Sources/Wire/CZeroMQ"),
        .systemLibrary(name: "CSodium", path: "Sources/Wire/CSodium"),
        .target(
            name: "CMessages", path: "Sources/Wire/CMessages", exclude: ["regsweep.proto"],
            linkerSettings: [.linkedLibrary("protobuf-c")]),
        .target(
            name: "Wire",
            dependencies: ["Vocabulary", "CZeroMQ", "CSodium", "CMessages", .product(name: "Logging", package: "swift-log")],
            path: "Sources/Wire",
            exclude: ["Vocabulary", "CZeroMQ", "CSodium", "CMessages"], swiftSettings: strict(),
            // libzmq finds Sockets/Accepting.swift's function in place of the C library's only where the program exports it.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic-symbol=accept4"])]),

        // Worker → Vocabulary + Wire + Compute.
        .executableTarget(
            name: "regsweep-worker",
            dependencies: [
                "Vocabulary", "Wire", "Compute", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Worker", swiftSettings: strict()),

        // Coordinator → Vocabulary + Wire + store. It never links the kernels.
        .systemLibrary(name: "CSQLite", path: "Sources/Coordinator/CSQLite"),
        .systemLibrary(name: "CZlib", path: "Sources/Coordinator/CZlib"),
        .executableTarget(
            name: "regsweep",
            dependencies: [
                "Vocabulary", "Wire", "CSQLite", "CZlib", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"), .product(name: "TOMLKit", package: "TOMLKit"),
            ],
            path: "Sources/Coordinator", exclude: ["CSQLite", "CZlib"], swiftSettings: strict()),

        // Not shipped: `make bench`. Built like the kernels, or it would not find the machine's peak.
        .executableTarget(
            name: "regsweep-bench", dependencies: ["Vocabulary", "Wire", "Compute"], path: "Benchmarks/Bench", swiftSettings: kernels),

        // What several test targets build or look up.
        .target(
            name: "TestSupport", dependencies: ["Vocabulary"], path: "Tests/TestSupport", swiftSettings: strict(memorySafety: false)),
        .testTarget(
            name: "WireTests", dependencies: ["Vocabulary", "Wire", "TestSupport"], swiftSettings: strict(memorySafety: false)),
        .testTarget(
            name: "ComputeTests", dependencies: ["Vocabulary", "Compute", "TestSupport"], exclude: ["Vectors"],
            swiftSettings: strict(memorySafety: false)),
        .testTarget(
            name: "WorkerTests", dependencies: ["regsweep-worker", "Vocabulary", "Wire", "Compute", "TestSupport"],
            swiftSettings: strict(memorySafety: false)),
        // A disk for SQLite that writes down what is done to it.
        .target(
            name: "CRecordingDisk", path: "Tests/CoordinatorTests/CRecordingDisk", linkerSettings: [.linkedLibrary("sqlite3")]),
        .testTarget(
            name: "CoordinatorTests", dependencies: ["regsweep", "Vocabulary", "Wire", "CRecordingDisk", "TestSupport"],
            exclude: ["CRecordingDisk"],
            swiftSettings: strict(memorySafety: false)),
        // Real processes: the programs are built because the tests name them here.
        .testTarget(
            name: "ClusterTests", dependencies: ["regsweep", "regsweep-worker", "Vocabulary", "Wire", "TestSupport"],
            swiftSettings: strict(memorySafety: false)),
        .testTarget(name: "TidyTests", swiftSettings: strict(memorySafety: false)),
        .testTarget(
            name: "SimulationTests", dependencies: ["regsweep", "regsweep-worker", "Vocabulary", "Wire", "TestSupport"],
            swiftSettings: strict(memorySafety: false)),
    ]
)
