// TOMLLines.swift · Coordinator/Sweep, for TOMLFile. The line of each key of a TOML file, which TOMLKit does not give.
// The text has been accepted by TOMLKit before, so this scanner only walks over values and trusts their syntax.

/// The lines of a TOML file's tables, keys and list elements, from 1.
struct TOMLLines {
    /// Keys from the root down, without quotes; elements of a list by their index from 0: `["curves", "0", "label"]`.
    typealias Path = [String]

    private var lines: [Path: Int] = [:]
    private var scanner: Scanner

    init(_ text: String) {
        scanner = Scanner(bytes: Array(text.utf8))
        readDocument()
    }

    /// The line of a key, from 1; nil for a key that the file does not have.
    subscript(path: Path) -> Int? { lines[path] }

    // MARK: Structure

    private mutating func readDocument() {
        /// The table that the last header opened.
        var table: Path = []
        /// Elements seen so far of each array of tables.
        var counts: [Path: Int] = [:]
        while true {
            scanner.skipBlanks()
            guard !scanner.isAtEnd else { return }
            if scanner.next == "[" { table = readHeader(&counts) } else { readPair(in: table) }
        }
    }

    /// `[a.b]` or `[[a.b]]`; a name on the way that is an array of tables means its last element.
    private mutating func readHeader(_ counts: inout [Path: Int]) -> Path {
        let line = scanner.line
        scanner.skip()
        let isElement = scanner.skip("[")
        let names = scanner.readKey()
        scanner.skipLine()
        var path: Path = []
        for (depth, name) in names.enumerated() {
            path.append(name)
            if lines[path] == nil { lines[path] = line }
            if isElement, depth == names.count - 1 { counts[path, default: 0] += 1 }
            if let count = counts[path] { path.append(String(count - 1)) }
        }
        lines[path] = line
        return path
    }

    /// `a.b = value`, in the document or in an inline table.
    private mutating func readPair(in table: Path) {
        let line = scanner.line
        var path = table
        for name in scanner.readKey() {
            path.append(name)
            if lines[path] == nil { lines[path] = line }
        }
        scanner.skip("=")
        readValue(at: path)
    }

    private mutating func readValue(at path: Path) {
        scanner.skipBlanks()
        switch scanner.next {
        case "[":
            readList { (lines, index) in
                let element = path + [String(index)]
                lines.lines[element] = lines.scanner.line
                lines.readValue(at: element)
            }
        case "{": readList { (lines, _) in lines.readPair(in: path) }
        case "\"", "'": _ = scanner.readString()
        default: scanner.skipScalar()
        }
    }

    /// Reads the elements between brackets or braces, which commas separate.
    private mutating func readList(_ readElement: (inout TOMLLines, _ index: Int) -> Void) {
        scanner.skip()
        var index = 0
        while true {
            scanner.skipBlanks()
            guard let next = scanner.next else { return }
            if next == "]" || next == "}" { return scanner.skip() }
            readElement(&self, index)
            index += 1
            scanner.skipBlanks()
            scanner.skip(",")
        }
    }
}

/// A position in a text. Every step advances it, so a scan ends whatever the text is.
private struct Scanner {
    let bytes: [UInt8]
    private var offset = 0
    private(set) var line = 1

    init(bytes: [UInt8]) {
        self.bytes = bytes
        // Some editors begin a file with a byte order mark.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    var isAtEnd: Bool { offset >= bytes.count }

    var next: Unicode.Scalar? { isAtEnd ? nil : Unicode.Scalar(bytes[offset]) }

    mutating func skip() {
        if next == "\n" { line += 1 }
        offset += 1
    }

    /// Skips this character, if it is the next one.
    @discardableResult
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == character else { return false }
        skip()
        return true
    }

    private mutating func skip(while matches: (Unicode.Scalar) -> Bool) {
        while let next, matches(next) { skip() }
    }

    /// Skips the rest of the line, up to its end.
    mutating func skipLine() { skip { $0 != "\n" } }

    /// Skips spaces, ends of lines and comments.
    mutating func skipBlanks() {
        while let next {
            switch next {
            case " ", "\t", "\r", "\n": skip()
            case "#": skipLine()
            default: return
            }
        }
    }

    private mutating func skipSpaces() { skip { $0 == " " || $0 == "\t" } }

    /// Skips a number, a date, true or false; always at least one character.
    mutating func skipScalar() {
        skip()
        skip { !",]}#\n".unicodeScalars.contains($0) }
    }

    /// The names of a dotted key, up to the `=` or `]` after it.
    mutating func readKey() -> [String] {
        var names: [String] = []
        repeat {
            skipSpaces()
            names.append(next == "\"" || next == "'" ? readString() : readBareName())
            skipSpaces()
        } while skip(".")
        return names
    }

    private mutating func readBareName() -> String {
        let start = offset
        skip { !" \t.=]\n".unicodeScalars.contains($0) }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// Reads a string of either kind, of one line or of several. Only the escapes `\"` and `\\` are decoded, which a key may need.
    mutating func readString() -> String {
        let quote = next!
        let mark = isQuoted(quote, 3) ? 3 : 1
        for _ in 0..<mark { skip() }
        var content: [UInt8] = []
        while !isAtEnd, !isQuoted(quote, mark) {
            if quote == "\"", next == "\\" { skip() }
            guard !isAtEnd else { break }
            content.append(bytes[offset])
            skip()
        }
        skip(while: { $0 == quote })
        return String(decoding: content, as: UTF8.self)
    }

    /// Whether the next characters are this many quotes.
    private func isQuoted(_ quote: Unicode.Scalar, _ count: Int) -> Bool {
        offset + count <= bytes.count && bytes[offset..<offset + count].allSatisfy { $0 == quote.value }
    }
}
