// PathText.swift · Wire/System. Paths as people write them on a command line or in a file, and as variables of the environment give them.

internal import Glibc

/// Why a text is no path that can be used.
public struct PathError: Error, Equatable, Sendable, CustomStringConvertible {
    public var description: String
}

public enum PathText {
    /// Puts the home directory in for a `~` at the beginning, as a shell does where the word is not quoted; `--out=~/x` reaches a program as
    /// it is written. A file whose own name begins so is written `./~`.
    /// - Throws: where the home directory is not known.
    public static func expanded(_ text: String) throws(PathError) -> String {
        guard text.hasPrefix("~") else { return text }
        let user = text.dropFirst().prefix { $0 != "/" }, rest = text.dropFirst(1 + user.count)
        let own = user.isEmpty ? variable("HOME") : nil
        guard let home = unsafe own ?? homeDirectory(user.isEmpty ? getpwuid(getuid()) : getpwnam(String(user))) else {
            let reason = user.isEmpty ? "HOME is not set, and this user has no home directory" : "there is no user \(user)"
            throw PathError(description: "\(text): \(reason); a file of that name is written ./\(text)")
        }
        return home + rest
    }

    private static func homeDirectory(_ entry: UnsafeMutablePointer<passwd>?) -> String? {
        guard let found = unsafe entry, let home = unsafe found.pointee.pw_dir else { return nil }
        return unsafe String(cString: home)
    }

    /// Makes a directory and those above it that are missing.
    /// - Throws: with the one that cannot be made.
    public static func makeDirectories(_ path: String) throws(FileError) {
        guard unsafe mkdir(path, 0o777) != 0 else { return }
        switch (errno, FileStatus(path)) {
        case (EEXIST, .directory): return
        case (EEXIST, _): throw FileError(path: path, reason: systemReason(ENOTDIR))
        case (ENOENT, _) where path.contains("/"):
            try makeDirectories(directory(of: path))
            guard unsafe mkdir(path, 0o777) == 0 || errno == EEXIST else { throw FileError(path: path, reason: systemReason()) }
        case (let code, _): throw FileError(path: path, reason: systemReason(code))
        }
    }

    /// The path of the directory that a file is in; `.` for a name alone.
    public static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The absolute path that a variable of the environment holds; nil where it is not set, relative, or no UTF-8 text.
    public static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name), let text = unsafe String(validatingCString: value), text.hasPrefix("/") else { return nil }
        return text
    }

    /// What is wrong with the words of the command line: this program reads them as text, so it would look for another file.
    /// - Returns: nil where all of them are UTF-8.
    public static func complaintAboutArguments() -> String? {
        for (number, word) in CommandLine.arguments.enumerated().dropFirst() {
            guard let bytes = unsafe CommandLine.unsafeArgv[number], unsafe String(validatingCString: bytes) == nil else { continue }
            return "argument \(number), \(word), is not UTF-8 text, so the file that it names cannot be found: rename it, or go to its "
                + "folder and name it from there"
        }
        return nil
    }
}
