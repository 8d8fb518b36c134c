// ImageSet.swift · Compute/Training, for problems that read images. Images and labels as they lie in the files, checked here; who
// reads the files, and whether they are the genuine ones, is not known here.

public import Vocabulary

/// Grey images of 28 × 28 pixels with a class each. Copies share their memory.
public struct ImageSet: Sendable, Hashable {
    /// `count` images one after the other, rows from the top, 0 to 255.
    public let images: [UInt8]
    /// The class of each, below `classes`.
    public let labels: [UInt8]
    /// Tells sets apart in a hash table without reading them: a digest of the content, say. May be empty.
    public let identity: [UInt8]

    public var count: Int { labels.count }

    /// - Throws: for no image at all, for pixels that are no whole number of images or not one for each label, for a label that is no class.
    public init(images: [UInt8], labels: [UInt8], identity: [UInt8] = []) throws(ParameterError) {
        guard !labels.isEmpty, images.count == labels.count * ImageFormat.pixels else {
            throw ParameterError(
                "images", found: "\(images.count) pixels with \(labels.count) labels",
                allowed: "\(ImageFormat.pixels) pixels for each label, and at least one label")
        }
        if let place = labels.firstIndex(where: { $0 >= ImageFormat.classes }) {
            throw ParameterError("labels", found: "\(labels[place]) for image \(place)", allowed: "from 0 to \(ImageFormat.classes - 1)")
        }
        self.images = images
        self.labels = labels
        self.identity = identity
    }

    /// Whole contents are compared; arrays that share their memory compare at once.
    public static func == (first: Self, second: Self) -> Bool {
        first.identity == second.identity && first.labels == second.labels && first.images == second.images
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(identity)
        hasher.combine(count)
    }
}
