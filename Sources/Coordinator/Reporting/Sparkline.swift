// Sparkline.swift · Coordinator/Reporting. A curve as one short word.

enum Sparkline {
    /// Draws each value as a block whose height is its position between the lowest and the highest, and a value that is missing or not finite as a
    /// space.
    /// - Parameter width: the most blocks. Of more values every n-th is drawn, and the last.
    static func text(_ values: [Double?], width: Int = 25) -> String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        let stride = max(1, (values.count + width - 1) / width)
        let shown = values.indices.filter { (values.count - 1 - $0) % stride == 0 }.map { values[$0].flatMap { $0.isFinite ? $0 : nil } }
        guard let low = shown.compactMap(\.self).min(), let high = shown.compactMap(\.self).max() else { return "" }
        // The difference of two numbers may overflow; that of their halves does not.
        let scale = (high - low).isFinite ? 1 : 0.5
        let range = high * scale - low * scale
        return String(
            shown.map { value in
                value.map { range > 0 ? blocks[min(7, Int(8 * (($0 * scale - low * scale) / range)))] : blocks[0] } ?? " "
            })
    }
}
