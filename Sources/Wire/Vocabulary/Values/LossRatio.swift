// LossRatio.swift · Wire/Vocabulary/Values. The one definition of a trial's loss ratio, for live progress, tables and curves alike.

public enum LossRatio {
    /// The test loss of a trial over that of its baseline, which has the same data, initialization, order of samples and optimizer and no
    /// penalty. Both are taken at the end, or both after the same epoch of a curve.
    /// - Returns: nil where there is no ratio: a baseline's loss of 0, or a loss that is not finite.
    public static func of(_ loss: Double, baseline: Double) -> Double? {
        loss.isFinite && baseline.isFinite && baseline > 0 ? loss / baseline : nil
    }
}
