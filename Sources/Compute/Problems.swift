// Problems.swift · Compute. The list of problems with kernels, in which the worker finds a problem by name.

internal import Vocabulary

/// The problems that this build can compute. `ProblemDeclaration.all` lists their declarations.
public let problems: [any Problem.Type] = [
    DiagonalNetwork.self,
    Landscape.self,
    ConvolutionalNetwork.self,
]
