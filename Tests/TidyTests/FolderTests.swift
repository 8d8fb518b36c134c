// FolderTests.swift · Tests/TidyTests. Folders within a target stand in one direction: the graph of their uses has no circle.

import Foundation
import Testing

@Suite("Folders") struct FolderTests {
    private func graph(_ target: String) -> FolderGraph {
        FolderGraph(SourceFile.below(target).map { (path: $0.path, text: $0.text) }, target: target)
    }

    @Test(
        "no folder is used by what it uses, directly or over others",
        arguments: ["Sources/Coordinator", "Sources/Worker", "Sources/Wire", "Sources/Wire/Vocabulary", "Sources/Compute"])
    func noCircle(target: String) {
        let graph = graph(target)
        #expect(!graph.folders.isEmpty)
        if let circle = graph.circle { Issue.record("\(target): \(graph.description(of: circle))") }
    }

    @Test("the folders of the Coordinator use only those before them in the order of the house") func coordinator() {
        let sweep: Set = ["Text", "Sweep"], store = sweep.union(["Scheduling", "Store"])
        let reporting = store.union(["Data", "Reporting"]), serving = reporting.union(["Launching", "Serving"])
        expect(
            [
                "Text": [], "Sweep": ["Text"], "Data": sweep, "Scheduling": sweep, "Launching": sweep,
                "Store": sweep.union(["Scheduling"]), "Reporting": store.union(["Data"]), "Serving": reporting.union(["Launching"]),
                "Commands": serving,
            ], of: "Sources/Coordinator")
    }

    @Test("the folders of Compute use only those before them; no problem uses another") func compute() {
        let shared: Set = ["Processor", "Random", "Training"], problems: Set = ["DiagonalNetwork", "Landscape", "ConvolutionalNetwork"]
        expect(
            [
                "Processor": [], "Random": ["Processor"], "Training": ["Processor", "Random"], "DiagonalNetwork": shared,
                "Landscape": shared, "ConvolutionalNetwork": shared, FolderGraph.root: shared.union(problems),
            ], of: "Sources/Compute")
    }

    /// - Parameter allowed: every folder of the target, with those that it may use.
    private func expect(_ allowed: [String: Set<String>], of target: String) {
        let graph = graph(target)
        #expect(graph.folders == Set(allowed.keys))
        for use in graph.usesAgainst(allowed) { Issue.record("\(use.from) may not use \(use.to): \(use)") }
    }
}

/// The computation itself, on small made-up targets.
@Suite("Folder graph") struct FolderGraphTests {
    private func graph(_ files: [String: String]) -> FolderGraph {
        FolderGraph(files.sorted { $0.key < $1.key }.map { (path: "T/\($0.key)", text: $0.value) }, target: "T")
    }

    private func edges(_ files: [String: String]) -> Set<String> { Set(graph(files).uses.map { "\($0.from) → \($0.to): \($0.name)" }) }

    @Test("folders that use each other in one direction have no circle") func straight() {
        let graph = graph([
            "Low/A.swift": "struct A { func a() {} }", "Middle/B.swift": "struct B { var a = A() }", "High/C.swift": "let c = B(a: A())",
        ])
        #expect(graph.folders == ["Low", "Middle", "High"])
        #expect(Set(graph.uses.map { "\($0.from) → \($0.to)" }) == ["Middle → Low", "High → Low", "High → Middle"])
        #expect(graph.circle == nil)
    }

    @Test("a circle is named with the uses that make it, however many folders it goes through") func circle() throws {
        var files = [
            "Low/A.swift": "struct A {}\n", "Middle/B.swift": "struct B {\n    var a: A\n}", "High/C.swift": "struct C { var b: B }",
        ]
        #expect(graph(files).circle == nil)
        files["Low/A.swift"]! += "extension A { func up(_ c: C) {} }"
        let graph = graph(files), circle = try #require(graph.circle)
        #expect(circle == ["High", "Middle", "Low", "High"])
        #expect(
            graph.description(of: circle) == """
                High → Middle → Low → High
                  T/High/C.swift:1 uses B of Middle
                  T/Middle/B.swift:2 uses A of Low
                  T/Low/A.swift:2 uses C of High
                """)
    }

    @Test("the shortest circle is told") func shortest() {
        let graph = graph([
            "A/a.swift": "struct A { var b: B }", "B/b.swift": "struct B { var c: C }", "C/c.swift": "struct C { var a: A; var d: D }",
            "D/d.swift": "struct D { var c: C }",
        ])
        #expect(graph.circle == ["C", "D", "C"])
    }

    @Test("every kind of name at the top level counts, also between the root and a folder") func kinds() {
        #expect(
            edges([
                "Low/names.swift": """
                public final class Box {}
                enum Choice {}
                protocol Shape {}
                actor Guard {}
                typealias Number = Double
                @inline(__always) func twice(_ x: Number) -> Number { 2 * x }
                let limit = min(3, 4), other: Int = 2
                let (first, second) = (1, 2)
                """,
                "use.swift":
                    "struct User: Shape { var box: Box, choice: Choice, guarded: Guard, n: Number = twice(Number(limit) + other + second) }",
            ])
                == Set(["Shape", "Box", "Choice", "Guard", "Number", "twice", "limit", "other", "second"].map { "the root → Low: \($0)" }))
    }

    @Test("a member that an extension adds to a type from elsewhere counts, with a dot or without, if its name is the only one")
    func members() {
        let files = [
            "Low/spec.swift": "struct Spec { var name = \"\" }\nextension Spec { var own: Int { 1 } }",
            "High/more.swift": "extension Spec { var isLarge: Bool { true } }\nextension Duration { var inTenths: Int { 0 } }",
        ]
        let use = "extension Spec { func f(_ d: Duration) -> Bool { isLarge && d.inTenths > 0 && own > 0 } }"
        #expect(
            edges(files.merging(["Low/use.swift": use]) { $1 }) == ["High → Low: Spec", "Low → High: isLarge", "Low → High: inTenths"])
        // Declared a second time, the name may mean either.
        #expect(
            edges(files.merging(["Low/use.swift": use + "\nstruct Other { var isLarge = false }"]) { $1 })
                == ["High → Low: Spec", "Low → High: inTenths"])
        // `own` belongs to the type's own folder, and a use of it is a use of the type, which has to be named somewhere.
        #expect(edges(files.merging(["High/use.swift": "func g(_ s: Spec) -> Int { s.own }"]) { $1 }) == ["High → Low: Spec"])
    }

    @Test("comments and the text of literals do not count, and code inside a literal does") func literals() {
        let low = "struct A {}\nstruct B {}\nfunc make() -> Int { 1 }"
        #expect(
            edges([
                "Low/a.swift": low,
                "High/b.swift": """
                // A, and B
                /* A /* B */ A */
                let text = "A \\" B \\(1)" + #"make() \\(make()) " A"# + \"""
                    A "quoted" B
                    \"""
                """,
            ]) == [])
        #expect(
            edges(["Low/a.swift": low, "High/b.swift": ###"let text = "A \(make(), default: "\(B())") A" + ##"\(A.self) \##(A())"##"###])
                == ["High → Low: make", "High → Low: B", "High → Low: A"])
    }

    @Test("what is private, another folder's own name, a label or a member of something else is no use") func others() {
        #expect(
            edges([
                "Low/a.swift": """
                private struct Hidden {}
                fileprivate extension Int { var tenths: Int { 0 } }
                struct Point {}
                func flush() {}
                func sum<let size: Int>(_ x: Int) {}
                private(set) var seen = 0
                """,
                "High/b.swift": """
                enum Hidden { case a }
                let tenths = 3.tenths
                struct Curve { struct Point {}; var points: [Point] }
                func f(_ file: File) { file.flush(); g(flush: true, size: file.size) }
                let now = seen
                """,
            ]) == ["High → Low: seen"])
    }
}
