// Parameters.swift · Compute/Training, behind each problem. What a problem's configuration is read from, by name and type.
// Whose words these are is not known here: the worker passes on those of a lease.

public protocol Parameters {
    /// - Throws: where it is missing or of another type, which means that coordinator and worker are of different builds.
    func integer(_ name: String) throws -> Int
    func real(_ name: String) throws -> Double
    func text(_ name: String) throws -> String
}

extension Parameters {
    /// - Throws: `PlanError` for a text that is none of `allowed`.
    public func choice<Choice: RawRepresentable<String>>(_ name: String, of allowed: [Choice]) throws -> Choice {
        let text = try text(name)
        if let choice = allowed.first(where: { $0.rawValue == text }) { return choice }
        throw PlanError(parameter: name, value: text, allowed: allowed.map(\.rawValue).joined(separator: " or "))
    }

    public func precision(of allowed: [Precision] = Precision.allCases) throws -> Precision { try choice("precision", of: allowed) }
    public func recording() throws -> Recording { try choice("record", of: Recording.allCases) }
}
