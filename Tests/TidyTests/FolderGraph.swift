// FolderGraph.swift · Tests/TidyTests, after SwiftTokens.swift. Which folder of a target uses names of which other folder, read off the
// sources; the compiler knows a target as a whole and forbids nothing within it.

/// The folders of one target and the uses between them. Files directly in the target's root are one folder, ``root``.
///
/// Names that count: types, protocols, typealiases, functions and constants at the top level of a file; and members that an extension adds
/// to a type of another folder or module, if no other folder declares that name. What is private counts nowhere. A name that a folder
/// declares itself in another sense (a nested type, a local constant) hides the other folder's: this graph may miss a use, and invents none.
struct FolderGraph {
    struct Use: Equatable, CustomStringConvertible {
        let from: String, to: String
        let name: String
        let path: String, line: Int

        var description: String { "\(path):\(line) uses \(name) of \(to)" }
    }

    /// Stands for files directly in the root of the target.
    static let root = "the root"

    let folders: Set<String>
    /// In the order of files and lines.
    let uses: [Use]

    /// - Parameters:
    ///   - files: path and text of every source file of the target.
    ///   - target: the folder of the target, with which each path begins.
    init(_ files: [(path: String, text: String)], target: String) {
        let sources = files.map { file in
            let parts = file.path.dropFirst(target.count + 1).split(separator: "/")
            return Source(path: file.path, folder: parts.count > 1 ? String(parts[0]) : Self.root, tokens: SwiftToken.all(in: file.text))
        }
        folders = Set(sources.map(\.folder))
        let names = Names(sources)
        uses = sources.flatMap(names.uses)
    }

    /// The shortest way from a folder over others back to it; nil where there is none.
    var circle: [String]? {
        let next = Dictionary(grouping: uses, by: \.from).mapValues { Set($0.map(\.to)).sorted() }
        return folders.sorted().compactMap { Self.way(back: $0, next) }.min { $0.count < $1.count }
    }

    private static func way(back start: String, _ next: [String: [String]]) -> [String]? {
        var ways = [[start]], seen: Set<String> = []
        while !ways.isEmpty {
            let way = ways.removeFirst()
            for folder in next[way.last!] ?? [] {
                if folder == start { return way + [start] }
                if seen.insert(folder).inserted { ways.append(way + [folder]) }
            }
        }
        return nil
    }

    /// - Parameter way: folders, each of which uses the next.
    /// - Returns: the way and, for each of its steps, the first few uses that make it.
    func description(of way: [String]) -> String {
        let steps = zip(way, way.dropFirst()).flatMap { from, to in uses.filter { ($0.from, $0.to) == (from, to) }.prefix(5) }
        return ([way.joined(separator: " → ")] + steps.map(\.description)).joined(separator: "\n  ")
    }

    /// - Parameter allowed: for each folder those that it may use.
    func usesAgainst(_ allowed: [String: Set<String>]) -> [Use] { uses.filter { allowed[$0.from]?.contains($0.to) != true } }
}

private struct Source {
    let path: String, folder: String
    let tokens: [SwiftToken]
}

/// What the files of a target declare.
private struct Names {
    /// Names at the top level of files that other files see, with their folders.
    private var top: [String: Set<String>] = [:]
    /// Members that extensions add to types of other folders or modules, with the folder of the extension.
    private var members: [String: Set<String>] = [:]
    /// What each folder declares anywhere, also locally.
    private var declared: [String: Set<String>] = [:]
    /// Labels of arguments and parameters in each folder.
    private var labels: [String: Set<String>] = [:]
    /// Where declarations name things: a name there is no use.
    private var sites: [String: Set<Int>] = [:]

    init(_ sources: [Source]) {
        var extended: [(member: String, type: String, folder: String)] = []
        for source in sources {
            for declaration in Declaration.all(in: source.tokens) {
                declared[source.folder, default: []].insert(declaration.name)
                sites[source.path, default: []].insert(declaration.index)
                guard !declaration.isPrivate else { continue }
                switch declaration.scope {
                case .top: top[declaration.name, default: []].insert(source.folder)
                case .extended(let type): extended.append((declaration.name, type, source.folder))
                case .inside: break
                }
            }
            for (token, colon) in zip(source.tokens, source.tokens.dropFirst()) where token.isName && colon.text == ":" && colon.isAdjacent
            {
                labels[source.folder, default: []].insert(token.text)
            }
        }
        for (member, type, folder) in extended where top[type] != [folder] { members[member, default: []].insert(folder) }
    }

    func uses(in source: Source) -> [FolderGraph.Use] {
        let tokens = source.tokens, own = declared[source.folder] ?? [], ownLabels = labels[source.folder] ?? []
        return tokens.indices.compactMap { index in
            let token = tokens[index]
            guard token.isName, sites[source.path]?.contains(index) != true, let home = home(of: token.text), home != source.folder else {
                return nil
            }
            let isMember = index > 0 && tokens[index - 1].text == "."
            let isLabel = index + 1 < tokens.count && tokens[index + 1].text == ":" && tokens[index + 1].isAdjacent
            let isSeen =
                if top[token.text] != nil {
                    !isMember && !isLabel && !own.contains(token.text)
                } else {
                    isMember || (!isLabel && !ownLabels.contains(token.text))
                }
            guard isSeen else { return nil }
            return FolderGraph.Use(from: source.folder, to: home, name: token.text, path: source.path, line: token.line)
        }
    }

    /// The one folder that a name stands for; nil for one that means several things.
    private func home(of name: String) -> String? {
        if let folders = top[name] { return folders.count == 1 ? folders.first : nil }
        guard let folders = members[name], folders.count == 1 else { return nil }
        return declared.contains { $0.value.contains(name) && !folders.contains($0.key) } ? nil : folders.first
    }
}

private struct Declaration {
    enum Scope: Equatable {
        case top
        /// Directly in an extension of the type of this name.
        case extended(String)
        /// In a type or in code.
        case inside
    }

    let name: String
    let scope: Scope
    let isPrivate: Bool
    /// Position of its name among the tokens.
    let index: Int

    private static let types: Set<String> = ["struct", "class", "enum", "protocol", "actor", "typealias", "associatedtype"]
    private static let values: Set<String> = ["func", "let", "var", "case", "for"]

    static func all(in tokens: [SwiftToken]) -> [Declaration] {
        var found: [Declaration] = []
        /// What the braces around the current token are of.
        var scopes: [(scope: Scope, isPrivate: Bool)] = []
        var opening: (scope: Scope, isPrivate: Bool)?
        for (index, token) in tokens.enumerated() {
            let isAfterDot = index > 0 && tokens[index - 1].text == "."
            switch token.text {
            case "{":
                scopes.append(opening ?? (.inside, false))
                opening = nil
            case "}": _ = scopes.popLast()
            case "extension" where !isAfterDot && index + 1 < tokens.count:
                opening = (.extended(tokens[index + 1].text), isPrivate(before: index, tokens))
            case let word where !isAfterDot && (types.contains(word) || values.contains(word)):
                let outer = scopes.last ?? (.top, false)
                let isPrivate = outer.isPrivate || isPrivate(before: index, tokens)
                // `<let count: Int>` declares a parameter of a type.
                let isParameter = index > 0 && ["<", ","].contains(tokens[index - 1].text)
                for name in names(after: index, tokens) {
                    let scope = isParameter ? .inside : outer.scope
                    found.append(Declaration(name: tokens[name].text, scope: scope, isPrivate: isPrivate, index: name))
                }
            default: break
            }
        }
        return found
    }

    /// One name, those of a tuple, or those of a list: `let a = 1, b = 2`.
    private static func names(after index: Int, _ tokens: [SwiftToken]) -> [Int] {
        guard index + 1 < tokens.count else { return [] }
        guard tokens[index + 1].text != "(" else {
            return Array(tokens.indices[(index + 2)...].prefix { tokens[$0].text != ")" }.filter { tokens[$0].isName })
        }
        guard ["let", "var"].contains(tokens[index].text) else { return tokens[index + 1].isName ? [index + 1] : [] }
        var names = [index + 1], depth = 0
        for next in tokens.indices[(index + 2)...] {
            let word = tokens[next].text
            if "([".contains(word) { depth += 1 }
            if ")]".contains(word) { depth -= 1 }
            if depth < 0 || "{}".contains(word) || types.contains(word) || values.contains(word) || word == "extension" { break }
            guard depth == 0, tokens[next - 1].text == ",", next + 1 < tokens.count, ":=".contains(tokens[next + 1].text) else {
                continue
            }
            names.append(next)
        }
        return names.filter { tokens[$0].isName }
    }

    private static let modifiers: Set<String> = [
        "public", "package", "internal", "final", "static", "indirect", "mutating", "nonmutating", "consuming", "borrowing", "override",
        "lazy", "weak", "unowned", "nonisolated", "unsafe", "set", "(", ")",
    ]

    /// Whether a modifier before the keyword keeps the name to its file. `private(set)` does not.
    private static func isPrivate(before index: Int, _ tokens: [SwiftToken]) -> Bool {
        for earlier in tokens.indices[..<index].reversed() {
            let word = tokens[earlier].text
            if word == "private" || word == "fileprivate" { return tokens[earlier + 1].text != "(" }
            if !modifiers.contains(word) { return false }
        }
        return false
    }
}
