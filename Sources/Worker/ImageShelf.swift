// ImageShelf.swift · Worker, between DataCache and Compute. Image sets that trials of this process have read, so that each is read once
// and is in memory once, however many slots train on it.

internal import Compute
internal import Synchronization
internal import Vocabulary

final class ImageShelf: Sendable {
    private struct Name: Hashable { let images: Digest, labels: Digest }

    private let cache: DataCache
    private let sets = Mutex<[Name: ImageSet]>([:])

    init(_ cache: DataCache) { self.cache = cache }

    /// - Throws: `TranslationError` for files that are not here, or are none of images and labels.
    func set(images: Digest, labels: Digest) throws(TranslationError) -> ImageSet {
        let name = Name(images: images, labels: labels)
        do {
            return try sets.withLock { sets in
                if let set = sets[name] { return set }
                let set = try ImageSet(
                    images: values(of: images, rank: 3), labels: values(of: labels, rank: 1), identity: images.bytes + labels.bytes)
                sets[name] = set
                return set
            }
        } catch { throw TranslationError(description: "\(error)") }
    }

    private func values(of file: Digest, rank: Int) throws -> [UInt8] {
        let content = try cache.content(of: file)
        return Array(content[try IDXFile(content, rank: rank).values])
    }
}
