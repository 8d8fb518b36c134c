// ShellWords.swift · Coordinator/Text. Words of a command line as a POSIX shell reads them back.

enum ShellWords {
    /// Joins words with spaces. A word with a character that may mean something to a shell, and an empty one, stands in single quotes.
    static func quoted(_ words: [String]) -> String {
        words.map { word in
            let isPlain =
                !word.isEmpty
                && word.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-".utf8.contains($0) }
            return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
