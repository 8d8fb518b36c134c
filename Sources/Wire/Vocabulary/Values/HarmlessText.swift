// HarmlessText.swift · Wire/Vocabulary/Values. Text of others on its way to a log or a terminal.

extension String {
    /// The text without what controls a terminal: an end of line becomes a space, and a control character a question mark. Both are no
    /// longer than what they replace.
    public var harmless: String {
        guard unicodeScalars.contains(where: isControl) else { return self }
        var harmless = UnicodeScalarView()
        for scalar in unicodeScalars { harmless.append(!isControl(scalar) ? scalar : scalar.properties.isWhitespace ? " " : "?") }
        return String(harmless)
    }
}

/// Whether a character can control a terminal: C0, DEL and C1 (Unicode category Cc), and the marks that change the direction of text.
private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
}
