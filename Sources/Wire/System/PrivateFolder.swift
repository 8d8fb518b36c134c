// PrivateFolder.swift · Wire/System. Folders of one user among those of others, under $XDG_RUNTIME_DIR, $TMPDIR or /tmp: made under names that
// nobody can know before, and never used where another user could have laid them.

internal import Glibc

/// No such folder can be made.
public struct PrivateFolderError: Error, Equatable, CustomStringConvertible {
    var purpose: PrivateFolder.Purpose
    /// What each place was refused for.
    var reasons: [String]

    public var description: String {
        let use = if purpose == .files { "temporary files" } else { "the socket of local workers" }
        return "no folder for \(use) can be made (\(reasons.joined(separator: "; "))): set TMPDIR to a short path that you can write to"
    }
}

public enum PrivateFolder {
    /// The longest path of a socket, by the size of the system's field for it.
    public static let socketPathBytes = 107

    /// What a folder is for.
    public enum Purpose: Equatable, Sendable {
        /// - Parameter name: bytes of the longest name of a socket in it.
        case sockets(name: Int)
        /// Files that may be large, which $XDG_RUNTIME_DIR is not made for.
        case files
    }

    /// Where folders are made, in this order.
    private static func places(for purpose: Purpose) -> [String] {
        places(for: purpose, runtime: Environment.value("XDG_RUNTIME_DIR"), temporary: Environment.value("TMPDIR"))
    }

    /// A relative path is left out: it means something else in each directory.
    static func places(for purpose: Purpose, runtime: String?, temporary: String?) -> [String] {
        let paths = [purpose == .files ? nil : runtime, temporary, "/tmp"].compactMap { $0 }.filter { $0.hasPrefix("/") }
        return unique(paths.map { path in "/" + path.split(separator: "/").joined(separator: "/") })
    }

    private static func unique(_ paths: [String]) -> [String] {
        paths.enumerated().filter { index, path in !paths[..<index].contains(path) }.map(\.element)
    }

    /// The folders of a name that this user has by now, in the order of the places.
    ///
    /// A program that was started elsewhere may have another environment than this one, so the usual places are looked at in any case.
    public static func existing(_ name: String) -> [String] {
        existing(name, in: unique(places(for: .sockets(name: 0)) + ["/run/user/\(geteuid())"]))
    }

    static func existing(_ name: String, in places: [String]) -> [String] {
        places.filter { complaint(aboutPlace: $0) == nil }.flatMap { existing(name, in: $0) }
    }

    private static func existing(_ name: String, in place: String) -> [String] {
        let prefix = prefix(name)
        return FileBytes.names(in: place).filter { $0.hasPrefix(prefix) && $0.utf8.count == prefix.utf8.count + 6 }.map { "\(place)/\($0)" }
            .filter(
                isOwn)
    }

    /// A folder that all programs of this user share: one that is there, or a new one.
    public static func shared(_ name: String, for purpose: Purpose) throws(PrivateFolderError) -> String {
        try shared(name, for: purpose, in: places(for: purpose))
    }

    static func shared(_ name: String, for purpose: Purpose, in places: [String]) throws(PrivateFolderError) -> String {
        try find(name, purpose, in: places) { place in existing(name, in: place).first ?? made("\(place)/\(prefix(name))") }
    }

    /// A new folder for this process alone, which holds a `WritingLock` on it and removes it at its end. Those of processes that were killed
    /// are removed here.
    public static func new(_ name: String) throws(PrivateFolderError) -> String {
        try new(name, in: places(for: .files))
    }

    static func new(_ name: String, in places: [String]) throws(PrivateFolderError) -> String {
        for folder in existing(name, in: places) { LeftOver.removeFolder(folder) }
        return try find(name, .files, in: places) { place in made("\(place)/\(prefix(name))") }
    }

    private static func find(
        _ name: String, _ purpose: Purpose, in places: [String], _ take: (String) -> String?
    ) throws(PrivateFolderError) -> String {
        var reasons: [String] = []
        for place in places {
            if let complaint = complaint(aboutPlace: place) {
                reasons.append("\(place): \(complaint)")
            } else if case .sockets(let room) = purpose, place.utf8.count + prefix(name).utf8.count + 8 + room > socketPathBytes {
                // 8: two slashes, and what mkdtemp adds to the name.
                reasons.append("\(place): too long for the path of a socket")
            } else if let path = take(place) {
                return path
            } else {
                reasons.append("\(place): \(systemReason())")
            }
        }
        throw PrivateFolderError(purpose: purpose, reasons: reasons)
    }

    /// Makes a folder again that was made before, under its name, where a cleaner of temporary files has removed it.
    /// - Returns: whether it is there now, and this user's own.
    public static func restore(_ path: String) -> Bool {
        if isOwn(path) { return true }
        let place = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        guard complaint(aboutPlace: place) == nil else { return false }
        return unsafe mkdir(path, 0o700) == 0
    }

    /// Whether a path is a directory that this user has made and nobody else can change. A symbolic link is none, wherever it leads.
    public static func isOwn(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
            && status.st_mode & 0o077 == 0
    }

    /// Why nothing can be safe in a directory: its owner, or anybody, could exchange what lies there. Nil where it can.
    private static func complaint(aboutPlace path: String) -> String? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return systemReason() }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "is no directory" }
        // With this bit only the owner of a file may exchange it. /tmp has it, also in a container where /tmp is nobody's.
        if status.st_mode & S_ISVTX != 0 { return nil }
        guard status.st_uid == geteuid() || status.st_uid == 0 else { return "belongs to another user" }
        return status.st_mode & 0o022 == 0 ? nil : "others may exchange what lies there"
    }

    private static func prefix(_ name: String) -> String { "\(name)-\(geteuid())-" }

    /// - Returns: nil with the reason in errno.
    private static func made(_ prefix: String) -> String? {
        var template = (prefix + "XXXXXX").utf8CString.map { $0 }
        guard unsafe mkdtemp(&template) != nil else { return nil }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
