// UnexpectedTable.swift · Tests/CoordinatorTests. Thrown by a test whose report has a table of another kind than its sweep asks for.

struct UnexpectedTable: Error {}
