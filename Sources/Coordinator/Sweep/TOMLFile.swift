// TOMLFile.swift · Coordinator/Sweep, before SweepFile and ClusterFile. A TOML file as tables that know their lines.
// TOMLKit checks the syntax and reads the values; TOMLLines finds where they stand.

internal import TOMLKit
internal import Vocabulary
internal import Wire

/// A file that is being read: its values, its lines, and the errors found so far.
final class TOMLFile {
    let name: String
    private let lines: TOMLLines
    private let values: TOMLTable
    private var errors: [SpecError] = []

    /// Bytes of the largest file that is read, 16 MiB: far more than a person writes.
    private static let largest = 1 << 24

    /// The text of a file, which may be a pipe and is then read for good.
    /// - Throws: for a file that cannot be read, with the system's reason, or is no text.
    static func text(of path: String) throws(SpecErrors) -> String {
        do throws(FileError) {
            let bytes = try FileBytes.read(path, atMost: largest)
            guard let text = String(validating: bytes, as: UTF8.self) else { throw FileError(path: path, reason: "is not UTF-8 text") }
            return text
        } catch { throw SpecErrors(errors: [SpecError(file: error.path, line: nil, message: error.reason)]) }
    }

    /// - Throws: for a file that cannot be read, or is no text or no TOML.
    convenience init(path: String) throws(SpecErrors) { try self.init(Self.text(of: path), name: path) }

    init(_ text: String, name: String) throws(SpecErrors) {
        func refuse(_ line: Int?, _ message: String) -> SpecErrors {
            SpecErrors(errors: [SpecError(file: name, line: line, message: message)])
        }
        // TOMLKit takes a C string, so it would ignore everything after the first zero byte.
        if let zero = text.utf8.firstIndex(of: 0) {
            throw refuse(1 + text.utf8[..<zero].count { $0 == UInt8(ascii: "\n") }, "found a zero byte, allowed is text")
        }
        do { values = try TOMLTable(string: text) } catch let error as TOMLParseError {
            throw refuse(error.source.begin.line, error.description)
        } catch { throw refuse(nil, "\(error)") }
        self.name = name
        lines = TOMLLines(text)
    }

    var root: Table { Table(file: self, path: [], values: values) }

    fileprivate func complain(_ line: Int?, _ message: String) { errors.append(SpecError(file: name, line: line, message: message)) }

    fileprivate func line(of path: TOMLLines.Path) -> Int? { lines[path] }

    var isRight: Bool { errors.isEmpty }

    /// - Throws: all errors in order of line, those without a line first.
    func throwIfWrong() throws(SpecErrors) {
        guard !errors.isEmpty else { return }
        let ordered = errors.enumerated().sorted { ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset) }
        throw SpecErrors(errors: ordered.map(\.element))
    }

    /// A table of the file. Each reader takes a key, remembers that it was asked for, and complains of what is wrong with its value.
    final class Table {
        private let file: TOMLFile
        private let path: TOMLLines.Path
        private let values: TOMLTable
        private var known: [String] = []
        /// Text before a key in complaints: the path of a table that is a value, otherwise empty.
        private let prefix: String

        fileprivate init(file: TOMLFile, path: TOMLLines.Path, values: TOMLTable, prefix: String = "") {
            self.file = file
            self.path = path
            self.values = values
            self.prefix = prefix
        }

        // MARK: Complaints

        func line(of key: String) -> Int? { file.line(of: path + [key]) }

        /// Adds an error with the line of a key, or that of its table where the file has no such key.
        func complain(_ key: String, _ message: String) {
            file.complain(line(of: key) ?? file.line(of: path), "\(prefix)\(key): \(message)")
        }

        func missing(_ key: String, _ wanted: String) {
            let table = path.isEmpty ? "" : " in \(header)"
            complain(key, "is missing\(table), allowed is \(wanted)")
        }

        private func wrong(_ key: String, _ value: any TOMLValueConvertible, _ wanted: String) {
            complain(key, "found \(TOMLWords.describe(value)), allowed is \(wanted)")
        }

        /// The header of the table in the file: `[grid]`, or `[[curves]]` for an element of an array of tables.
        private var header: String {
            let isElement = path.last.map { Int($0) != nil } ?? false
            let name = path.filter { Int($0) == nil }.joined(separator: ".")
            return isElement ? "[[\(name)]]" : "[\(name)]"
        }

        // MARK: Values

        func has(_ key: String) -> Bool { values[key] != nil }

        private func value(_ key: String) -> (any TOMLValueConvertible)? {
            known.append(key)
            return values[key]
        }

        /// Reads a value that may have a default.
        /// - Parameters:
        ///   - wanted: the allowed values, as a phrase that follows "allowed is".
        ///   - convert: returns nil for a value that is not allowed.
        /// - Returns: nil, after a complaint, for a value that is not allowed, or that is missing without a default.
        private func read<T>(
            _ key: String, _ wanted: String, default defaultValue: T?, _ convert: (any TOMLValueConvertible) -> T?
        ) -> T? {
            guard let value = value(key) else {
                if defaultValue == nil { missing(key, wanted) }
                return defaultValue
            }
            guard let result = convert(value) else {
                wrong(key, value, wanted)
                return nil
            }
            return result
        }

        func integer(_ key: String, _ range: ClosedRange<Int>, default defaultValue: Int? = nil) -> Int? {
            read(key, "an integer from \(range.lowerBound) to \(range.upperBound)", default: defaultValue) { value in
                value.int.flatMap { range.contains($0) ? $0 : nil }
            }
        }

        func real(_ key: String, _ range: RealRange, default defaultValue: Double? = nil) -> Double? {
            read(key, "a number \(range)", default: defaultValue) { value in Self.number(value, range) }
        }

        /// Reads a list of at least one number. Each element that is not allowed is reported with its own line.
        /// - Parameter isDistinct: whether the same number twice is an error.
        func reals(_ key: String, _ range: RealRange, isDistinct: Bool = true) -> [Double]? {
            let wanted = "numbers \(range)"
            let list = read(key, "a list of " + wanted, default: nil) { value in value.array.flatMap { $0.isEmpty ? nil : $0 } }
            guard let list else { return nil }
            var numbers: [Double] = []
            for (index, element) in list.enumerated() {
                let line = file.line(of: path + [key, String(index)]) ?? line(of: key)
                guard let number = Self.number(element, range) else {
                    file.complain(line, "\(key): found \(TOMLWords.describe(element)), allowed are \(wanted)")
                    continue
                }
                if isDistinct, numbers.contains(number) {
                    file.complain(line, "\(key): found \(number.shortestText) a second time, allowed is each number once")
                }
                numbers.append(number)
            }
            return numbers.count == list.count ? numbers : nil
        }

        /// A list of different integers, at least one.
        func integers(_ key: String, _ range: ClosedRange<Int>, atMost most: Int) -> [Int]? {
            let wanted = "a list of 1 to \(most) different integers from \(range.lowerBound) to \(range.upperBound)"
            return read(key, wanted, default: nil) { value in
                guard let list = value.array, (1...most).contains(list.count) else { return nil }
                let numbers = list.compactMap { $0.int }
                return numbers.count == list.count && numbers.allSatisfy(range.contains) && Set(numbers).count == list.count ? numbers : nil
            }
        }

        /// A real number in a range; integers are converted. `nan` is in no range, and −0 becomes 0.
        private static func number(_ value: any TOMLValueConvertible, _ range: RealRange) -> Double? {
            guard let number = value.double ?? value.int.map(Double.init), range.contains(number) else { return nil }
            return number + 0
        }

        /// Reads a text, which may be empty.
        func text(_ key: String, default defaultValue: String? = nil) -> String? {
            read(key, "a text", default: defaultValue) { $0.string }
        }

        /// Reads an optional text of one line.
        /// - Returns: nil when the key is missing, and, after a complaint, when the value is not allowed.
        func optionalText(_ key: String) -> String? {
            guard has(key) else {
                allow([key])
                return nil
            }
            return read(key, "a text of one line that is not empty", default: nil) { value in value.string.flatMap(Self.line) }
        }

        /// A list of texts of one line each.
        func texts(_ key: String, default defaultValue: [String]? = nil) -> [String]? {
            read(key, "a list of texts of one line each", default: defaultValue) { value in
                value.array.flatMap { list in
                    let texts = list.compactMap { $0.string.flatMap(Self.line) }
                    return texts.count == list.count ? texts : nil
                }
            }
        }

        private static func line(_ text: String) -> String? {
            !text.isEmpty && !text.unicodeScalars.contains { $0.properties.generalCategory == .control } ? text : nil
        }

        func flag(_ key: String, default defaultValue: Bool? = nil) -> Bool? {
            read(key, "true or false", default: defaultValue) { $0.bool }
        }

        /// Reads a text that is short enough for a legend and a column of a table.
        func label(_ key: String) -> String? {
            read(key, "a text of 1 to 40 characters on one line", default: nil) { value in
                value.string.flatMap { text in
                    let isOneLine = !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
                    return (1...40).contains(text.count) && isOneLine ? text : nil
                }
            }
        }

        func choice(_ key: String, _ choices: [String], default defaultValue: String? = nil) -> String? {
            let wanted = "one of " + choices.map { "\"\($0)\"" }.joined(separator: ", ")
            let guess = values[key]?.string.flatMap { TOMLWords.nearest(to: $0, among: choices) }
            return read(key, wanted + (guess.map { "; did you mean \"\($0)\"?" } ?? ""), default: defaultValue) { value in
                value.string.flatMap { choices.contains($0) ? $0 : nil }
            }
        }

        // MARK: Declared values

        /// Reads the value of a declared parameter, or its default.
        /// - Returns: nil, after a complaint, for a value that is not allowed, or that is missing without a default.
        func value(_ parameter: ParameterDeclaration) -> ParameterValue? {
            guard let value = value(parameter.key) else {
                if parameter.defaultValue == nil { missing(parameter.key, parameter.kind.allowed) }
                return parameter.defaultValue
            }
            return convert(value, parameter.kind, parameter.key, line(of: parameter.key), path + [parameter.key])
        }

        func integer(_ parameter: ParameterDeclaration) -> Int? {
            if case .integer(let value)? = value(parameter) { value } else { nil }
        }

        func real(_ parameter: ParameterDeclaration) -> Double? {
            if case .real(let value)? = value(parameter) { value } else { nil }
        }

        func choice(_ parameter: ParameterDeclaration) -> String? { text(parameter) }

        func text(_ parameter: ParameterDeclaration) -> String? {
            if case .text(let value)? = value(parameter) { value } else { nil }
        }

        /// A list of different numbers.
        func reals(_ parameter: ParameterDeclaration) -> [Double]? {
            guard case .list(.real(let range), _) = parameter.kind else { preconditionFailure("\(parameter.name) is no list of numbers") }
            return reals(parameter.key, range)
        }

        /// Converts a TOML value to a value of a declared kind.
        /// - Parameters:
        ///   - name: the name in complaints: a key, or the path of an entry such as `layers[2].units`.
        ///   - path: the path of its entries in the file.
        private func convert(
            _ value: any TOMLValueConvertible, _ kind: ParameterDeclaration.Kind, _ name: String, _ line: Int?, _ path: TOMLLines.Path
        ) -> ParameterValue? {
            switch kind {
            case .integer(let range): if let number = value.int, range.contains(number) { return .integer(number) }
            case .real(let range): if let number = Self.number(value, range) { return .real(number) }
            case .choice(let choices):
                if let word = value.string {
                    if choices.contains(word) { return .text(word) }
                    let guess = TOMLWords.nearest(to: word, among: choices).map { "; did you mean \"\($0)\"?" } ?? ""
                    complain(name, line, value, kind.allowed + guess)
                    return nil
                }
            case .text: if let text = value.string, kind.complaint(about: .text(text), name) == nil { return .text(text) }
            case .file: preconditionFailure("\(name) is a file of the data set, and no sweep file has its value")
            case .list(let kind, let count):
                guard let list = value.array, count.contains(list.count) else { break }
                let values = list.enumerated().map { index, element in
                    let inside = path + [String(index)]
                    return convert(element, kind, "\(name)[\(index)]", file.line(of: inside) ?? line, inside)
                }
                return values.contains { $0 == nil } ? nil : .list(values.compactMap { $0 })
            case .table(let entries):
                guard let table = value.table else { break }
                return Table(file: file, path: path, values: table, prefix: name + ".").entries(entries)
            case .variant(let tag, let variants):
                guard let table = value.table else { break }
                let inside = Table(file: file, path: path, values: table, prefix: name + ".")
                guard let word = inside.choice(tag, variants.map(\.name)), let variant = variants.first(where: { $0.name == word }) else {
                    return nil
                }
                return inside.entries(variant.entries, and: [tag: .text(word)])
            }
            complain(name, line, value, kind.allowed)
            return nil
        }

        private func complain(_ name: String, _ line: Int?, _ value: any TOMLValueConvertible, _ allowed: String) {
            file.complain(line ?? file.line(of: path), "\(prefix)\(name): found \(TOMLWords.describe(value)), allowed is \(allowed)")
        }

        /// Reads all declared entries of a table that is a value, and refuses others.
        private func entries(_ declared: [ParameterDeclaration], and known: [String: ParameterValue] = [:]) -> ParameterValue? {
            var values = known
            for entry in declared { values[entry.name] = value(entry) }
            refuseOthers()
            return values.count == declared.count + known.count ? .table(values) : nil
        }

        // MARK: Tables

        /// A table; an empty one where the file has none.
        func table(_ key: String) -> Table {
            let table = read(key, "a table, written [\((path + [key]).joined(separator: "."))]", default: TOMLTable()) { $0.table }
            return Table(file: file, path: path + [key], values: table ?? TOMLTable())
        }

        /// The elements of an array of tables, at least one; none, after a complaint, where the file has none.
        func tables(_ key: String) -> [Table] {
            let wanted = "at least one table, written [[\((path + [key]).joined(separator: "."))]]"
            let list = read(key, wanted, default: nil) { value in value.array.flatMap { $0.isEmpty ? nil : $0 } }
            return (list.map(Array.init) ?? []).enumerated().compactMap { index, element in
                guard let table = element.table else {
                    wrong(key, element, wanted)
                    return nil
                }
                return Table(file: file, path: path + [key, String(index)], values: table)
            }
        }

        // MARK: Unknown keys

        /// Allows keys that no reader reads in this file.
        func allow(_ names: [String]) { known += names }

        /// Reports every key that was neither read nor allowed. Called once, after all readers.
        func refuseOthers() {
            let allowed = Set(known).sorted()
            for key in values.keys where !allowed.contains(key) {
                let guess = TOMLWords.nearest(to: key, among: allowed).map { "; did you mean \($0)?" } ?? ""
                complain(key, "is not known here, allowed are \(allowed.joined(separator: ", "))\(guess)")
            }
        }
    }
}

/// Texts of complaints.
private enum TOMLWords {
    /// A value nearly as the file has it.
    static func describe(_ value: any TOMLValueConvertible) -> String {
        switch value.type {
        case .int: value.int.map { "\($0)" } ?? "an integer"
        case .double: value.double.map { "\($0)" } ?? "a real number"
        case .string: value.string.map(quote) ?? "a text"
        case .bool: value.bool.map { "\($0)" } ?? "true or false"
        case .array: value.array.map(describeList) ?? "a list"
        case .table: "a table"
        case .date, .time, .dateTime: "a date or time"
        }
    }

    private static func describeList(_ list: TOMLArray) -> String {
        guard !list.isEmpty else { return "an empty list" }
        guard list.count <= 8 else { return "a list of \(list.count)" }
        return "[\(list.map { describe($0) }.joined(separator: ", "))]"
    }

    /// A text in quotes, on one line and shortened.
    private static func quote(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return "\"\(line.count > 60 ? line.prefix(60) + "…" : line)\""
    }

    /// The allowed name that is nearest to a wrong one, within two edits, or a third of a long name; nil when none is so near.
    static func nearest(to found: String, among allowed: [String]) -> String? {
        let nearest = allowed.map { (name: $0, distance: distance($0, found)) }.min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= max(2, found.count / 3), nearest.distance < nearest.name.count else { return nil }
        return nearest.name
    }

    /// Levenshtein's distance: the least number of characters to insert, delete or replace.
    private static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        /// Distances of the part of `a` so far to each beginning of `b`.
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let replaced = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j + 1] + 1, row[j] + 1)
            }
        }
        return row[b.count]
    }
}
