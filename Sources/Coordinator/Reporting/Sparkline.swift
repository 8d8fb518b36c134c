// Sparkline.swift · Coordinator/Reporting. A curve as one short word.

enum Sparkline {
    /// One block for each value, as high as it stands between the lowest and the highest; a space for one that is missing or not finite.
    /// - Parameter width: at most so many blocks; of more values every n-th counts, and the last.
    static func text(_ values: [Double?], width: Int = 25) -> String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        let stride = max(1, (values.count + width - 1) / width)
        let shown = values.indices.filter { (values.count - 1 - $0) % stride == 0 }.map { values[$0].flatMap { $0.isFinite ? $0 : nil } }
        guard let low = shown.compactMap(\.self).min(), let high = shown.compactMap(\.self).max() else { return "" }
        // Where the difference is too large for a number, that of the halves is not.
        let scale = (high - low).isFinite ? 1 : 0.5
        let range = high * scale - low * scale
        return String(
            shown.map { value in
                value.map { range > 0 ? blocks[min(7, Int(8 * (($0 * scale - low * scale) / range)))] : blocks[0] } ?? " "
            })
    }
}
