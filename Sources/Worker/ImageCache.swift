// ImageCache.swift · Worker, between DataCache and Compute. Image sets in memory: each is read once, however many slots train on it.

internal import Compute
internal import Synchronization
internal import Vocabulary
internal import Wire

final class ImageCache: DataSource, Sendable {
    private struct Name: Hashable { let images: Digest, labels: Digest }

    private let cache: DataCache
    private let sets = Mutex<[Name: ImageSet]>([:])

    /// - Parameter cache: where the files are on this host's disk.
    init(_ cache: DataCache) { self.cache = cache }

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
