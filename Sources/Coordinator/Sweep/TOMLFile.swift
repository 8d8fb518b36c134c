// TOMLFile.swift · Coordinator/Sweep, before SweepFile and ClusterFile. A TOML file as tables that know their lines.
// TOMLKit checks the syntax and reads the values; it keeps no lines, so those of keys are found in the text here.

internal import FoundationEssentials
internal import TOMLKit

/// A file that is being read: its values, its lines, and what was found wrong so far.
final class TOMLFile {
    let name: String
    private let lines: [String: Int]
    private(set) var errors: [SpecError] = []
    private(set) var root: Table!

    /// - Throws: for a file that is not there, is no text or no TOML.
    convenience init(path: String) throws(SpecErrors) {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw SpecErrors(errors: [SpecError(file: path, line: nil, message: "cannot be read: is there such a file?")])
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw SpecErrors(errors: [SpecError(file: path, line: nil, message: "is not UTF-8 text")])
        }
        try self.init(text, name: path)
    }

    init(_ text: String, name: String) throws(SpecErrors) {
        self.name = name
        lines = Self.linesOfKeys(text)
        do { root = Table(file: self, path: "", values: try TOMLTable(string: text)) } catch let error as TOMLParseError {
            throw SpecErrors(errors: [SpecError(file: name, line: error.source.begin.line, message: error.description)])
        } catch { throw SpecErrors(errors: [SpecError(file: name, line: nil, message: "\(error)")]) }
    }

    func report(_ path: String, _ message: String) {
        var at = path
        // A key that is missing is told at its table.
        while lines[at] == nil, let dot = at.lastIndex(of: ".") { at = String(at[..<dot]) }
        errors.append(SpecError(file: name, line: lines[at], message: message))
    }

    func throwIfWrong() throws(SpecErrors) {
        guard errors.isEmpty else { throw SpecErrors(errors: errors.sorted { ($0.line ?? 0) < ($1.line ?? 0) }) }
    }

    func line(of path: String) -> Int? { lines[path] }

    /// Line of each key and table by its dotted path; elements of an array of tables count from 0 (`curves.0.label`).
    /// The text is known to be TOML or refused afterwards, so what is left to tell apart is where a value goes on over several lines.
    static func linesOfKeys(_ text: String) -> [String: Int] {
        var lines: [String: Int] = [:]
        var table = ""
        var counts: [String: Int] = [:]
        /// Brackets that are open, and the quotes that end the string we are in.
        var depth = 0
        var quotes: String?

        func path(_ key: Substring) -> String {
            splitKey(key).joined(separator: ".")
        }
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var rest = line.drop(while: \.isWhitespace)
            if depth == 0, quotes == nil {
                if rest.hasPrefix("[[") {
                    let name = path(rest.dropFirst(2).prefix { $0 != "]" })
                    let index = counts[name, default: 0]
                    counts[name] = index + 1
                    table = "\(name).\(index)"
                    if lines[name] == nil { lines[name] = number + 1 }
                    lines[table] = number + 1
                    continue
                }
                if rest.hasPrefix("[") {
                    table = path(rest.dropFirst().prefix { $0 != "]" })
                    lines[table] = number + 1
                    continue
                }
                guard !rest.hasPrefix("#"), let equals = keyEnd(rest) else { continue }
                let key = path(rest[..<equals])
                lines[table.isEmpty ? key : "\(table).\(key)"] = number + 1
                rest = rest[rest.index(after: equals)...]
            }
            (depth, quotes) = after(rest, depth, quotes)
        }
        return lines
    }

    /// Where the key ends: the first `=` outside quotes.
    private static func keyEnd(_ text: Substring) -> Substring.Index? {
        var quote: Character?
        for index in text.indices {
            let character = text[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "=" {
                return index
            }
        }
        return nil
    }

    private static func splitKey(_ text: Substring) -> [String] {
        var parts = [""], quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil } else { parts[parts.count - 1].append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == "." {
                parts.append("")
            } else if !character.isWhitespace {
                parts[parts.count - 1].append(character)
            }
        }
        return parts
    }

    /// Open brackets and an open multi-line string at the end of a piece of a value.
    private static func after(_ text: Substring, _ depth: Int, _ quotes: String?) -> (Int, String?) {
        var (depth, quotes, rest) = (depth, quotes, text)
        while let character = rest.first {
            if let open = quotes {
                if rest.hasPrefix(open) {
                    quotes = nil
                    rest = rest.dropFirst(open.count)
                } else {
                    rest = rest.dropFirst(character == "\\" && open.hasPrefix("\"") ? 2 : 1)
                }
                continue
            }
            if character == "#" { break }
            if let mark = ["\"\"\"", "'''", "\"", "'"].first(where: { rest.hasPrefix($0) }) {
                quotes = mark
                rest = rest.dropFirst(mark.count)
                continue
            }
            if character == "[" || character == "{" { depth += 1 }
            if character == "]" || character == "}" { depth -= 1 }
            rest = rest.dropFirst()
        }
        // A string of one line ends with its line.
        return (depth, quotes.flatMap { $0.count == 3 ? $0 : nil })
    }

    /// A table of the file. Each reader takes a key, remembers that it was asked for, and reports what is wrong with its value.
    final class Table {
        private let file: TOMLFile
        private let path: String
        private let values: TOMLTable
        private var known: [String] = []

        init(file: TOMLFile, path: String, values: TOMLTable) {
            self.file = file
            self.path = path
            self.values = values
        }

        private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

        func report(_ key: String, _ message: String) { file.report(full(key), "\(key): \(message)") }

        func line(of key: String) -> Int? { file.line(of: full(key)) }

        func has(_ key: String) -> Bool { values[key] != nil }

        private func value(_ key: String) -> (any TOMLValueConvertible)? {
            known.append(key)
            return values[key]
        }

        private func wrongType(_ key: String, _ value: any TOMLValueConvertible, _ wanted: String) {
            report(key, "found \(Self.name(of: value.type)), allowed is \(wanted)")
        }

        private static func name(of type: TOMLType) -> String {
            switch type {
            case .int: "an integer"
            case .double: "a real number"
            case .string: "a text"
            case .bool: "true or false"
            case .array: "a list"
            case .table: "a table"
            case .date, .time, .dateTime: "a date or time"
            }
        }

        func missing(_ key: String, _ wanted: String) { report(key, "is missing; allowed is \(wanted)") }

        func integer(_ key: String, _ range: ClosedRange<Int>, default standard: Int? = nil) -> Int? {
            let wanted = "an integer from \(range.lowerBound) to \(range.upperBound)"
            guard let value = value(key) else {
                if standard == nil { missing(key, wanted) }
                return standard
            }
            guard let number = value.int else {
                wrongType(key, value, wanted)
                return nil
            }
            guard range.contains(number) else {
                report(key, "found \(number), allowed is \(wanted)")
                return nil
            }
            return number
        }

        func real(
            _ key: String, _ range: ClosedRange<Double>, excludesMinimum: Bool = false, default standard: Double? = nil
        ) -> Double? {
            let wanted = Self.words(range, excludesMinimum)
            guard let value = value(key) else {
                if standard == nil { missing(key, wanted) }
                return standard
            }
            return number(value, key, range, excludesMinimum, wanted)
        }

        private static func words(_ range: ClosedRange<Double>, _ excludesMinimum: Bool) -> String {
            "a number \(excludesMinimum ? "above" : "from") \(range.lowerBound) \(excludesMinimum ? "and up " : "")to \(range.upperBound)"
        }

        private func number(
            _ value: any TOMLValueConvertible, _ key: String, _ range: ClosedRange<Double>, _ excludesMinimum: Bool, _ wanted: String
        ) -> Double? {
            // 1 is as good as 1.0 where a real number is wanted.
            guard let number = value.double ?? value.int.map(Double.init) else {
                wrongType(key, value, wanted)
                return nil
            }
            guard range.contains(number), !(excludesMinimum && number == range.lowerBound) else {
                report(key, "found \(number), allowed is \(wanted)")
                return nil
            }
            return number
        }

        /// A list of different numbers, at least one.
        func reals(_ key: String, _ range: ClosedRange<Double>, excludesMinimum: Bool = false) -> [Double]? {
            let wanted = "a list of " + Self.words(range, excludesMinimum).replacing("a number", with: "numbers")
            guard let value = value(key) else {
                missing(key, wanted)
                return nil
            }
            guard let array = value.array else {
                wrongType(key, value, wanted)
                return nil
            }
            guard !array.isEmpty else {
                report(key, "found an empty list, allowed is \(wanted)")
                return nil
            }
            let numbers = array.map { number($0, key, range, excludesMinimum, wanted) }
            return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
        }

        func text(_ key: String, default standard: String? = nil) -> String? {
            guard let value = value(key) else {
                if standard == nil { missing(key, "a text") }
                return standard
            }
            guard let text = value.string else {
                wrongType(key, value, "a text")
                return nil
            }
            return text
        }

        func choice(_ key: String, _ choices: [String], default standard: String? = nil) -> String? {
            let wanted = "one of " + choices.map { "\"\($0)\"" }.joined(separator: ", ")
            guard let value = value(key) else {
                if standard == nil { missing(key, wanted) }
                return standard
            }
            guard let text = value.string else {
                wrongType(key, value, wanted)
                return nil
            }
            guard choices.contains(text) else {
                report(key, "found \"\(text)\", allowed is \(wanted)\(Self.guess(text, choices))")
                return nil
            }
            return text
        }

        /// A table; an empty one where the file has none.
        func table(_ key: String) -> Table {
            guard let value = value(key) else { return Table(file: file, path: full(key), values: TOMLTable()) }
            guard let table = value.table else {
                wrongType(key, value, "a table, written [\(full(key))]")
                return Table(file: file, path: full(key), values: TOMLTable())
            }
            return Table(file: file, path: full(key), values: table)
        }

        /// The elements of an array of tables.
        func tables(_ key: String) -> [Table] {
            guard let value = value(key) else { return [] }
            guard let array = value.array else {
                wrongType(key, value, "tables, each written [[\(full(key))]]")
                return []
            }
            return array.enumerated().compactMap { index, element in
                guard let table = element.table else {
                    wrongType(key, element, "tables, each written [[\(full(key))]]")
                    return nil
                }
                return Table(file: file, path: "\(full(key)).\(index)", values: table)
            }
        }

        /// Names that are allowed although no reader asks for them this time.
        func allow(_ names: [String]) { known += names }

        /// Every key that no reader asked for and nobody allowed is a mistake. Once, at the end.
        func refuseOthers() {
            let allowed = Set(known).sorted()
            for key in values.keys where !allowed.contains(key) {
                report(key, "is not known here; allowed are \(allowed.joined(separator: ", "))\(Self.guess(key, allowed))")
            }
        }

        /// The nearest allowed name within two edits.
        private static func guess(_ found: String, _ allowed: [String]) -> String {
            let nearest = allowed.map { ($0, distance($0, found)) }.min { $0.1 < $1.1 }
            guard let (name, distance) = nearest, distance <= max(2, found.count / 3) else { return "; \(found) is none of them" }
            return "; did you mean \(name)?"
        }

        /// Levenshtein's distance.
        private static func distance(_ a: String, _ b: String) -> Int {
            let b = Array(b)
            var row = Array(0...b.count)
            for (i, x) in a.enumerated() {
                var previous = row[0]
                row[0] = i + 1
                for (j, y) in b.enumerated() {
                    (previous, row[j + 1]) = (row[j + 1], min(row[j + 1] + 1, row[j] + 1, previous + (x == y ? 0 : 1)))
                }
            }
            return row[b.count]
        }
    }
}
