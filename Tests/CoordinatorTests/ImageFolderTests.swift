// ImageFolderTests.swift · Tests/CoordinatorTests. A small image set that these tests write themselves: packed and not, whole and broken.

import FoundationEssentials
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// Files of an image set, as bytes; a test breaks what it wants to see refused.
struct SyntheticImages {
    static let names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]

    var files: [String: [UInt8]]

    init(training: Int = 6, test: Int = 3) {
        files = [
            Self.names[0]: Self.images(training), Self.names[1]: Self.labels(training), Self.names[2]: Self.images(test),
            Self.names[3]: Self.labels(test),
        ]
    }

    static func images(_ count: Int, side: Int = 28) -> [UInt8] {
        IDXFile.bytes(
            dimensions: [count, side, side], values: (0..<count * side * side).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
    }

    static func labels(_ count: Int) -> [UInt8] { IDXFile.bytes(dimensions: [count], values: (0..<count).map { UInt8($0 % 10) }) }

    func write(to directory: StoreDirectory) throws { for (name, bytes) in files { try directory.write(bytes, to: name) } }
}

@Suite("Data: image folder") struct ImageFolderTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    private func mistakes(_ change: (inout SyntheticImages) -> Void) throws -> [String] {
        var images = SyntheticImages()
        change(&images)
        try images.write(to: directory)
        do {
            _ = try ImageFolder(directory.path)
            return []
        } catch { return error.errors.map { $0.description.replacing(directory.path + "/", with: "") } }
    }

    @Test("four files are four blobs, named by the hash of their unpacked bytes") func whole() throws {
        let images = SyntheticImages()
        try images.write(to: directory)
        let folder = try ImageFolder(directory.path)
        #expect((folder.trainingCount, folder.testCount) == (6, 3))
        #expect(folder.blobs == Dictionary(uniqueKeysWithValues: images.files.values.map { (Digest(of: $0), $0) }))
        let names = ["training_images", "training_labels", "test_images", "test_labels"]
        for (parameter, name) in zip(names, SyntheticImages.names) {
            #expect(folder.parameters[parameter] == .text(Digest(of: images.files[name]!).description))
        }
        #expect(folder.parameters.count == 4)
        #expect(folder.warnings.count == 1 && folder.warnings[0].message.hasPrefix("is not Fashion-MNIST as published"))
    }

    @Test("a packed file is the same content as an unpacked one") func packed() throws {
        try SyntheticImages().write(to: directory)
        let plain = try ImageFolder(directory.path)
        for name in SyntheticImages.names { #expect(try Subprocess.run("gzip", ["\(directory.path)/\(name)"]) == .exited(0)) }
        let packed = try ImageFolder(directory.path)
        #expect(packed.blobs == plain.blobs && packed.parameters == plain.parameters)
    }

    @Test("each way in which a file can be broken is told with its name and what it should be")
    func broken() throws {
        let (images, labels) = (SyntheticImages.names[0], SyntheticImages.names[1])
        let cases: [(change: (inout SyntheticImages) -> Void, mistake: String)] = [
            ({ $0.files[images]!.removeLast() }, "\(images): found 4703 bytes behind its header, which says 6 × 28 × 28"),
            ({ $0.files[images]!.append(0) }, "\(images): found 4705 bytes behind its header, which says 6 × 28 × 28"),
            ({ $0.files[images] = [] }, "\(images): found no byte at its beginning, an IDX file of images begins with 00000803"),
            (
                { $0.files[images] = $0.files[labels] },
                "\(images): found 00000801 at its beginning, an IDX file of images begins with 00000803"
            ),
            ({ $0.files[images] = [0, 0, 8, 3, 0, 0] }, "\(images): found 6 bytes, its header alone has 16"),
            (
                { $0.files[images] = [0, 0, 8, 3] + [UInt8](repeating: 255, count: 12) },
                "\(images): found 0 bytes behind its header, which says 4294967295 × 4294967295 × 4294967295"
            ),
            ({ $0.files[images] = SyntheticImages.images(6, side: 32) }, "\(images): found images of 32 × 32 pixels, need 28 × 28"),
            ({ $0.files[images] = SyntheticImages.images(0) }, "\(images): found no image, need at least one"),
            ({ $0.files[labels]![8 + 4] = 10 }, "\(labels): found label 10 of example 4, allowed are 0 to 9"),
            ({ $0.files[labels] = SyntheticImages.labels(5) }, "\(labels): found 5 labels for the 6 images of \(images)"),
        ]
        for (change, mistake) in cases { #expect(try mistakes(change) == [mistake]) }
        #expect(
            try mistakes {
                $0.files[images] = []
                $0.files[labels] = []
            }.count == 2)
    }

    @Test("a packed file that is none, is cut off, is damaged or has more behind it is refused") func brokenGzip() throws {
        let file = "\(directory.path)/\(SyntheticImages.names[0])"
        try SyntheticImages().write(to: directory)
        #expect(try Subprocess.run("gzip", [file]) == .exited(0))
        let packed = [UInt8](try Data(contentsOf: URL(filePath: file + ".gz")))
        var damaged = packed
        damaged[packed.count - 6] ^= 1
        let cases: [([UInt8], String)] = [
            ([1] + packed, "is not gzip"), ([], "is not gzip"), (Array(packed.dropLast(9)), "is cut off"),
            (Array(packed.prefix(5)), "is cut off"),
            (damaged, "is damaged (gzip: incorrect data check)"), (packed + [7], "is damaged (gzip: bytes follow its end)"),
        ]
        for (bytes, mistake) in cases {
            try directory.write(bytes, to: SyntheticImages.names[0] + ".gz")
            #expect { try ImageFolder(directory.path) } throws: { error in
                "\(error)".hasPrefix("\(file).gz: \(mistake)")
            }
        }
        #expect(throws: GzipError.tooLarge(limit: 4000)) { try Gzip.unpacked(packed, limit: 4000) }
        // Members one after the other, as cat, pigz and bgzip make them, and zeros behind the last.
        let images = SyntheticImages.images(6)
        #expect(try Gzip.unpacked(packed + packed, limit: 1 << 20) == images + images)
        #expect(try Gzip.unpacked(packed + packed + [UInt8](repeating: 0, count: 512), limit: 1 << 20) == images + images)
        #expect(throws: GzipError.tooLarge(limit: 8000)) { try Gzip.unpacked(packed + packed, limit: 8000) }
        #expect(throws: GzipError.truncated) { try Gzip.unpacked(packed + packed.dropLast(9), limit: 1 << 20) }
        #expect(throws: GzipError.damaged(reason: "bytes follow its end")) { try Gzip.unpacked(packed + [0, 7], limit: 1 << 20) }
        #expect(try Gzip.unpacked(packed, limit: 4720) == SyntheticImages.images(6))
    }

    @Test("a folder that is missing, a file in its place and a file that is missing say where the data can be had") func missing() throws {
        func message(_ path: String) -> String {
            do { _ = try ImageFolder(path) } catch { return "\(error)" }
            return ""
        }
        #expect(message(directory.path + "/none").contains("none: there is no such folder; name a folder with the four files"))
        try SyntheticImages().write(to: directory)
        #expect(message("\(directory.path)/\(SyntheticImages.names[0])").contains("is a file, not a folder"))
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(SyntheticImages.names[3])")
        #expect(message(directory.path).contains("\(SyntheticImages.names[3]).gz: there is no such file, nor one without .gz"))
        #expect(message(directory.path).contains(ImageFolder.source))
        try FileManager.default.createDirectory(atPath: "\(directory.path)/\(SyntheticImages.names[3])", withIntermediateDirectories: true)
        #expect(message(directory.path).contains("cannot be read"))
    }
}
