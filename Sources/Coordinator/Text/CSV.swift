// CSV.swift · Coordinator/Text. Fields as lines of comma-separated values, quoted as RFC 4180 says. Lines end with a line feed alone.

enum CSV {
    /// Joins fields with commas and ends the line.
    static func line(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") + "\n" }

    /// A field with a comma, a quote or a line end stands in quotes, and its own quotes are doubled; any other is left as it is.
    static func field(_ text: String) -> String {
        // By bytes: in Swift "\r\n" is one character, and neither "\r" nor "\n".
        guard text.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
