// AllProblems.swift · Wire/Vocabulary/Problems. The list of problems, each declared in a file beside this one.

extension ProblemDeclaration {
    /// All problems. `problems` in Compute/Problems.swift lists their kernels.
    public static let all = [
        diagonalNetwork,
        landscape,
        convolutionalNetwork,
    ]

    /// - Returns: nil for a name that no problem has.
    public static func named(_ name: String) -> ProblemDeclaration? { all.first { $0.name == name } }
}
