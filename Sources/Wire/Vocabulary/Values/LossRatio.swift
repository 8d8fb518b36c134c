// LossRatio.swift · Wire/Vocabulary/Values. The one definition of a trial's loss ratio, for live progress, tables and curves alike.

public enum LossRatio {
    /// The test loss of a trial divided by that of its baseline, which has the same data, initialization, order of samples and optimizer and
    /// no penalty. Both losses are those at the end, or those after the same epoch of a curve.
    /// - Returns: nil when the baseline's loss is 0 or a loss is not finite.
    public static func of(_ loss: Double, baseline: Double) -> Double? {
        loss.isFinite && baseline.isFinite && baseline > 0 ? loss / baseline : nil
    }
}
