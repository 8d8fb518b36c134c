// TextTests.swift · Tests/CoordinatorTests. Numbers, shell words and CSV fields, read back or compared character by character.

import TestSupport
import Testing
import Wire

@testable import regsweep

@Suite("Text") struct TextTests {
    @Test(
        "a number is printed with the fewest digits that read back to it",
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-3, "-3"), (0.1, "0.1"), (0.1 + 0.2, "0.30000000000000004"), (1e-7, "1e-07"),
            (1e22, "1e+22"),
            (4096, "4096"), (1e15, "1000000000000000"), (123_456_789_012_345_680, "1.2345678901234568e+17"),
            (.leastNonzeroMagnitude, "5e-324"), (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
            (Double(Float(0.1)), "0.10000000149011612"),
        ]) func shortest(value: Double, text: String)
    {
        #expect(NumberText.shortest(value) == text)
        #expect(Double(text)?.bitPattern == value.bitPattern)
    }

    @Test(
        "a number for people is rounded, also where its fraction begins with zeros",
        arguments: [
            (0.0456, 3, "0.046"), (0.9996, 3, "1.000"), (-0.0004, 3, "0.000"), (-1.5, 0, "-2"), (12.34, 1, "12.3"),
            (1e12, 3, "1000000000000.0"),
            (.infinity, 3, "inf"),
        ]) func fixed(value: Double, decimals: Int, text: String)
    { #expect(NumberText.fixed(value, decimals: decimals) == text) }

    @Test("a POSIX shell reads quoted words back as they were, and plain words stay as they are") func shellWords() throws {
        #expect(ShellWords.quoted(["a", "--b=/c_d.e:5@f%g+h,i-j"]) == "a --b=/c_d.e:5@f%g+h,i-j")
        let words = ["", " ", "it's", "$HOME", "`x`", "a\nb", "*", "λ", "\\", "\"", "'", "~", "#", "!", "a;b"]
        let folder = try TemporaryFolder()
        let script = "printf '%s\\0' \(ShellWords.quoted(words))"
        #expect(try Subprocess.run("sh", ["-c", script], outputTo: folder.path(of: "words")) == .exited(0))
        #expect(try folder.bytes(of: "words") == words.flatMap { Array($0.utf8) + [0] })
    }

    @Test(
        "a field with a comma, a quote or a line end stands in quotes, any other is left alone",
        arguments: [
            ("", ""), ("sgd", "sgd"), ("a b", "a b"), ("λ₁/λ₂ = 1", "λ₁/λ₂ = 1"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""),
            ("a\nb", "\"a\nb\""), ("a\rb", "\"a\rb\""), ("a\r\nb", "\"a\r\nb\""), ("\"", "\"\"\"\""),
        ]) func csvField(text: String, field: String)
    {
        #expect(CSV.quoted(text) == field)
        #expect(CSV.line(["1", text, ""]) == "1,\(field),\n")
    }
}
