// ImageCache.swift · Worker, between DataCache and Compute. Image sets in memory, shared by all slots: each is read once.

internal import Compute
internal import Synchronization
internal import Vocabulary
internal import Wire

/// The image sets that trials of this process read. They stay in memory until the process ends.
final class ImageCache: DataSource, Sendable {
    private struct Name: Hashable { let images: Digest, labels: Digest }

    private let cache: DataCache
    private let sets = Mutex<[Name: ImageSet]>([:])

    /// - Parameter cache: where the files are on this host's disk.
    init(_ cache: DataCache) { self.cache = cache }

    /// - Throws: when a file cannot be read or is no IDX file, or when the two do not fit together.
    func images(_ images: Digest, labels: Digest) throws -> ImageSet {
        let name = Name(images: images, labels: labels)
        return try sets.withLock { sets in
            if let set = sets[name] { return set }
            let set = try ImageSet(
                images: values(of: images, rank: 3), labels: values(of: labels, rank: 1), identity: images.bytes + labels.bytes)
            sets[name] = set
            return set
        }
    }

    private func values(of file: Digest, rank: Int) throws -> [UInt8] {
        let content = try cache.content(of: file)
        return Array(content[try IDXFile(content, rank: rank).values])
    }
}
