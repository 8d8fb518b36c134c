// AllProblems.swift · Wire/Vocabulary/Problems. The problems that there are, each declared in a file beside this one.

extension ProblemDeclaration {
    /// Every problem, a line each. `problems` of Compute/Problems.swift has their kernels.
    public static let all = [
        diagonalNetwork,
        landscape,
        convolutionalNetwork,
    ]

    /// - Returns: nil for a name that no problem has.
    public static func named(_ name: String) -> ProblemDeclaration? { all.first { $0.name == name } }
}
