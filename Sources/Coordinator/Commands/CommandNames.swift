// CommandNames.swift · Coordinator/Commands. A misspelt command: what was meant, perhaps.

internal import ArgumentParser

enum CommandNames {
    /// What is wrong with the first words of a command line; nil when they are a command, or an option.
    /// - Parameters:
    ///   - words: after the name of the program or of the command that has `command` as its configuration.
    ///   - called: that name.
    static func complaint(about words: some Collection<String>, of command: any ParsableCommand.Type, called name: String) -> String? {
        guard let word = words.first, !word.hasPrefix("-") else { return nil }
        let subcommands = command.configuration.subcommands
        guard !subcommands.isEmpty else { return nil }
        if let meant = subcommands.first(where: { Self.name(of: $0) == word }) {
            return complaint(about: words.dropFirst(), of: meant, called: "\(name) \(word)")
        }
        let names = subcommands.map(Self.name)
        // The library adds it.
        guard word != "help" else { return nil }
        let close = names.min { distance($0, word) < distance($1, word) }.flatMap { distance($0, word) <= 2 ? $0 : nil }
        return "\(name) has no command \(word)"
            + (close.map { ": did you mean \(name) \($0)?" } ?? "; its commands are \(names.joined(separator: ", "))")
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }

    /// How many letters have to be added, removed, replaced, or exchanged with the next one, to make one word of the other.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a), b = Array(b)
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var least = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, rows[i - 1][j - 1] + 1) }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
