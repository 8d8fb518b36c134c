// ImageSet.swift · Compute/Training, for problems that train on images. Validates images and labels; the caller reads the files and
// verifies their hashes.

public import Vocabulary

/// Grey images of 28 × 28 pixels, each with a class. Copies share their memory.
public struct ImageSet: Sendable, Hashable {
    /// Pixels of shape (count, 28, 28), row-major, from 0 to 255.
    public let images: [UInt8]
    /// The class of each image, from 0 to 9.
    public let labels: [UInt8]
    /// Bytes that hash tables use instead of the content, such as a digest of it. May be empty.
    public let identity: [UInt8]

    public var count: Int { labels.count }

    /// - Throws: when there is no image, when pixels and labels belong to different numbers of images, or when a label is no class.
    public init(images: [UInt8], labels: [UInt8], identity: [UInt8] = []) throws(ParameterError) {
        guard !labels.isEmpty, images.count == labels.count * ImageFormat.pixels else {
            throw ParameterError(
                "images", found: "\(images.count) pixels with \(labels.count) labels",
                allowed: "\(ImageFormat.pixels) pixels for each label, and at least one label")
        }
        if let index = labels.firstIndex(where: { $0 >= ImageFormat.classes }) {
            throw ParameterError("labels", found: "\(labels[index]) for image \(index)", allowed: "from 0 to \(ImageFormat.classes - 1)")
        }
        self.images = images
        self.labels = labels
        self.identity = identity
    }

    /// Compares the whole contents. Sets that share their memory compare in constant time.
    public static func == (first: Self, second: Self) -> Bool {
        first.identity == second.identity && first.labels == second.labels && first.images == second.images
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(identity)
        hasher.combine(count)
    }
}
