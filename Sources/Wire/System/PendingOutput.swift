// PendingOutput.swift · Wire/System, a part of OutputQueue. What waits to be written, and what is left out when nobody reads for too long.
// Knows no descriptor and no thread.

/// Text in the order in which it came, up to a bound, and at most one drawing of a progress bar.
struct PendingOutput: Sendable {
    /// More bytes than this are not kept.
    let limit: Int
    private var text: [UInt8] = []
    /// The newest drawing. One that has not been written when the next is made is of no use any more.
    private var drawing: [UInt8] = []
    /// How many texts were left out after what is kept.
    private var leftOut = 0

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { text.isEmpty && drawing.isEmpty && leftOut == 0 }

    /// Adds a text whole, or leaves it out whole.
    mutating func add(_ new: String) {
        // What comes later in the place of a bar is drawn over it.
        drawing = []
        guard leftOut == 0, text.count + new.utf8.count <= limit else {
            leftOut += 1
            return
        }
        text += new.utf8
    }

    mutating func draw(_ new: String) { drawing = Array(new.utf8) }

    /// - Returns: everything that waits, and a line about what was left out; nothing of it waits any more.
    mutating func takeAll() -> [UInt8] {
        defer { self = PendingOutput(limit: limit) }
        let note = leftOut == 0 ? "" : "(\(leftOut) lines were left out here: for too long nobody read what is printed)\n"
        return text + note.utf8 + drawing
    }
}
