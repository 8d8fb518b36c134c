// Problems.swift · Compute, the way in for whoever knows a problem by its name only.

internal import Vocabulary

/// The problems that this build computes, a line each. `ProblemDeclaration.all` has their declarations.
public let problems: [any Problem.Type] = [
    DiagonalNetwork.self,
    Landscape.self,
    ConvolutionalNetwork.self,
]
