// SwiftTokens.swift · Tests/TidyTests, before FolderGraph.swift. Source text → tokens: comments and the text of string literals are left
// out, the code between \( and ) in a literal is kept.

/// One name, number or punctuation character of a source file.
struct SwiftToken: Equatable {
    let text: String
    /// 1-based.
    let line: Int
    /// Whether nothing, not even a space, stands between this token and the one before it.
    let isAdjacent: Bool

    var isName: Bool { text.first.map { $0.isLetter || $0 == "_" } ?? false }
}

extension SwiftToken {
    /// The tokens of a source file. Regex literals are not recognized: Sources has none.
    static func all(in text: String) -> [SwiftToken] {
        var reader = Reader(bytes: Array(text.utf8))
        reader.readCode(endsAtParenthesis: false)
        return reader.tokens
    }

    private struct Reader {
        let bytes: [UInt8]
        var index = 0, line = 1, endOfLast = -1
        var tokens: [SwiftToken] = []

        /// Whether the bytes from here on are those of `word`.
        func isNext(_ word: String) -> Bool { bytes[index...].starts(with: word.utf8) }

        mutating func skip(_ count: Int) {
            for _ in 0..<count where index < bytes.count {
                if bytes[index] == UInt8(ascii: "\n") { line += 1 }
                index += 1
            }
        }

        /// - Parameter endsAtParenthesis: whether this is the code of an interpolation, which ends behind its closing parenthesis.
        mutating func readCode(endsAtParenthesis: Bool) {
            var depth = 0
            while index < bytes.count {
                if isNext("//") {
                    while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
                } else if isNext("/*") {
                    skipBlockComment()
                } else if let pounds = poundsOfLiteral() {
                    skipLiteral(pounds)
                } else if Self.isOfName(bytes[index]) {
                    let start = index
                    while index < bytes.count, Self.isOfName(bytes[index]) { index += 1 }
                    append(String(decoding: bytes[start..<index], as: UTF8.self), from: start)
                } else {
                    let byte = bytes[index]
                    if byte > UInt8(ascii: " ") { append(String(UnicodeScalar(byte)), from: index) }
                    skip(1)
                    endOfLast = byte > UInt8(ascii: " ") ? index : endOfLast
                    if byte == UInt8(ascii: "(") { depth += 1 }
                    if byte == UInt8(ascii: ")") { depth -= 1 }
                    if endsAtParenthesis, depth == 0, byte == UInt8(ascii: ")") { return }
                }
            }
        }

        private mutating func append(_ text: String, from start: Int) {
            tokens.append(SwiftToken(text: text, line: line, isAdjacent: start == endOfLast))
            endOfLast = index
        }

        private static func isOfName(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), 0x80...:
                true
            default: false
            }
        }

        /// Block comments nest.
        private mutating func skipBlockComment() {
            var depth = 0
            repeat {
                if isNext("/*") {
                    depth += 1
                    skip(2)
                } else if isNext("*/") {
                    depth -= 1
                    skip(2)
                } else {
                    skip(1)
                }
            } while depth > 0 && index < bytes.count
        }

        /// How many `#` stand before the quote of a literal that begins here; nil where none begins.
        private func poundsOfLiteral() -> Int? {
            var quote = index
            while quote < bytes.count, bytes[quote] == UInt8(ascii: "#") { quote += 1 }
            return quote < bytes.count && bytes[quote] == UInt8(ascii: "\"") ? quote - index : nil
        }

        private mutating func skipLiteral(_ pounds: Int) {
            let raw = String(repeating: "#", count: pounds)
            skip(pounds)
            let quotes = isNext("\"\"\"") ? "\"\"\"" : "\""
            skip(quotes.count)
            while index < bytes.count, !isNext(quotes + raw) {
                if isNext("\\" + raw + "(") {
                    skip(1 + pounds)
                    readCode(endsAtParenthesis: true)
                } else {
                    skip(isNext("\\" + raw) ? 2 + pounds : 1)
                }
            }
            skip(quotes.count + pounds)
            endOfLast = -1
        }
    }
}
