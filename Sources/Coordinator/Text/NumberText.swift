// NumberText.swift · Coordinator/Text. Numbers as text: exact for files, rounded for people.

internal import Vocabulary

enum NumberText {
    /// Writes the fewest digits that read back to the same value, without a trailing `.0`; NaN and infinity are `nan` and `inf`.
    static func shortest(_ value: Double) -> String { value.shortestText }

    /// Rounds to three digits behind the point and leaves out zeros at the end. The text is for people.
    static func thousandths(_ value: Double) -> String { shortest((value * 1000).rounded() / 1000) }

    /// Rounds to a number of digits behind the point. The text is for people: it does not read back to the same value.
    /// - Returns: the shortest text instead where the value is not finite or has no room in an integer after it is scaled (from 1e9 on).
    static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
        let scale = (0..<decimals).reduce(1.0) { power, _ in power * 10 }
        let scaled = Int((abs(value) * scale).rounded())
        let digits = String(scaled % Int(scale))
        return (value < 0 && scaled > 0 ? "-" : "") + "\(scaled / Int(scale))"
            + (decimals == 0 ? "" : "." + String(repeating: "0", count: decimals - digits.count) + digits)
    }
}
