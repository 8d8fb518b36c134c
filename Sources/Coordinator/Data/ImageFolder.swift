// ImageFolder.swift · Coordinator/Data, between the sweep file and the grid. A folder that the user names → the four files of an image set
// in the form of Fashion-MNIST, unpacked and validated. Trials depend on their content, not on their path.

internal import Vocabulary
internal import Wire

/// A training set and a test set of labelled images, as the unpacked bytes of four IDX files.
struct ImageFolder {
    /// The files by hash, under which workers ask for them.
    let blobs: [Digest: [UInt8]]
    /// The problem's parameters of kind `file`. Their values are the hashes of the files, which are part of every trial's key.
    let parameters: [String: ParameterValue]
    let trainingCount: Int, testCount: Int
    /// Files that are allowed, but that are not those of Fashion-MNIST.
    let warnings: [SpecError]

    /// Where Fashion-MNIST can be downloaded.
    static let source = "https://github.com/zalandoresearch/fashion-mnist"

    static let side = ImageFormat.side
    static let classes = UInt8(ImageFormat.classes)

    private struct Part {
        let parameter: String, name: String
        let rank: Int
        /// SHA-256 of the file of Fashion-MNIST, unpacked.
        let known: String
    }

    private static let parts = [
        Part(
            parameter: "training_images", name: "train-images-idx3-ubyte", rank: 3,
            known: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        Part(
            parameter: "training_labels", name: "train-labels-idx1-ubyte", rank: 1,
            known: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        Part(
            parameter: "test_images", name: "t10k-images-idx3-ubyte", rank: 3,
            known: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        Part(
            parameter: "test_labels", name: "t10k-labels-idx1-ubyte", rank: 1,
            known: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ]

    /// Reads and validates the four files.
    /// - Parameter path: a folder with the four files, each packed (`.gz`) or not; where it has both, the unpacked file is read.
    /// - Throws: all errors, each with the name of its file.
    init(_ path: String) throws(SpecErrors) {
        if let complaint = Self.complaint(aboutFolder: path) { throw Self.refuse(path, complaint) }
        var blobs: [Digest: [UInt8]] = [:], parameters: [String: ParameterValue] = [:]
        var counts: [Int] = [], errors: [SpecError] = [], unknown: [String] = []
        for part in Self.parts {
            do throws(SpecErrors) {
                let (file, bytes) = try Self.read(part, in: path)
                counts.append(try Self.check(bytes, part, file))
                let digest = Digest(of: bytes)
                if digest.description != part.known { unknown.append(part.name) }
                blobs[digest] = bytes
                parameters[part.parameter] = .text(digest.description)
            } catch { errors += error.errors }
        }
        guard errors.isEmpty else { throw SpecErrors(errors: errors) }
        for (images, labels) in [(0, 1), (2, 3)] where counts[images] != counts[labels] {
            errors.append(
                SpecError(
                    file: "\(path)/\(Self.parts[labels].name)", line: nil,
                    message: "found \(counts[labels]) labels for the \(counts[images]) images of \(Self.parts[images].name)"))
        }
        guard errors.isEmpty else { throw SpecErrors(errors: errors) }
        self.blobs = blobs
        self.parameters = parameters
        (trainingCount, testCount) = (counts[0], counts[2])
        warnings =
            unknown.isEmpty
            ? []
            : [
                SpecError(
                    file: path, line: nil,
                    message:
                        "is not Fashion-MNIST as published (\(unknown.joined(separator: ", ")) differ); its trials have keys of their own")
            ]
    }

    static let advice =
        "name a folder with the four files of Fashion-MNIST, such as \(parts[0].name).gz, from \(source), by --data DIR or data = \"DIR\" in the sweep file"

    /// - Returns: why it is no folder in which files can be looked for; nil where it is one.
    private static func complaint(aboutFolder path: String) -> String? {
        switch FileStatus(path) {
        case .directory: nil
        case .file: "is a file, not a folder; \(advice)"
        case .missing: "there is no such folder; \(advice)"
        case .failed(let reason): reason
        }
    }

    private static func refuse(_ file: String, _ message: String) -> SpecErrors {
        SpecErrors(errors: [SpecError(file: file, line: nil, message: message)])
    }

    private static func read(_ part: Part, in folder: String) throws(SpecErrors) -> (file: String, bytes: [UInt8]) {
        let candidates = ["\(folder)/\(part.name)", "\(folder)/\(part.name).gz"]
        guard let file = candidates.first(where: { FileStatus($0) != .missing }) else {
            throw refuse(candidates[1], "there is no such file, nor one without .gz; \(advice)")
        }
        do {
            let bytes = try FileBytes.read(file, atMost: Limits.blobBytes)
            return (file, file == candidates[1] ? try Gzip.unpacked(bytes, limit: Limits.blobBytes) : bytes)
        } catch let error as FileError { throw refuse(file, "cannot be read: \(error.reason)") } catch { throw refuse(file, "\(error)") }
    }

    /// Validates the content of a file.
    /// - Returns: the number of images or labels in it.
    private static func check(_ bytes: [UInt8], _ part: Part, _ file: String) throws(SpecErrors) -> Int {
        let idx: IDXFile
        do { idx = try IDXFile(bytes, rank: part.rank) } catch { throw refuse(file, "\(error)") }
        guard idx.dimensions[0] > 0 else { throw refuse(file, "found no \(part.rank == 3 ? "image" : "label"), need at least one") }
        if part.rank == 3, idx.dimensions[1...] != [side, side] {
            throw refuse(file, "found images of \(idx.dimensions[1]) × \(idx.dimensions[2]) pixels, need \(side) × \(side)")
        }
        if part.rank == 1, let wrong = bytes[idx.values].firstIndex(where: { $0 >= classes }) {
            throw refuse(file, "found label \(bytes[wrong]) of example \(wrong - idx.values.lowerBound), allowed are 0 to \(classes - 1)")
        }
        return idx.dimensions[0]
    }
}
