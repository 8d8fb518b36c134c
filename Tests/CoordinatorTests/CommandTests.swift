// CommandTests.swift · Tests/CoordinatorTests. What commands say, as plain values: misspelt names, what a sweep is doing, where a trial is.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Names of commands") struct CommandNameTests {
    private func complaint(_ words: String...) -> String? {
        CommandNames.complaint(about: words, of: RegsweepCommand.self, called: "regsweep")
    }

    @Test("a command, an option or nothing is no mistake, whatever follows") func right() {
        #expect(complaint() == nil)
        #expect(complaint("check", "chek") == nil)
        #expect(complaint("report", "sweep.toml") == nil)
        #expect(complaint("--version") == nil)
        #expect(complaint("help", "run") == nil)
        #expect(complaint("workers") == nil)
        #expect(complaint("workers", "--out", "results/small") == nil)
        #expect(complaint("workers", "add", "ssh:ada") == nil)
    }

    @Test("of a misspelt one it is told which was meant, perhaps") func misspelt() {
        #expect(complaint("chek", "my.toml") == "regsweep has no command chek: did you mean regsweep check?")
        #expect(complaint("stauts") == "regsweep has no command stauts: did you mean regsweep status?")
        #expect(complaint("workers", "lst") == "regsweep workers has no command lst: did you mean regsweep workers list?")
    }

    @Test("of one that is like none all are told") func unknown() {
        #expect(
            complaint("dance")
                == "regsweep has no command dance; its commands are run, check, report, status, explain, export, workers, keys, repair")
    }

    @Test("letters that are added, left out, replaced or exchanged count one each") func distances() {
        #expect(CommandNames.distance("check", "check") == 0)
        #expect(CommandNames.distance("check", "chek") == 1)
        #expect(CommandNames.distance("check", "checkk") == 1)
        #expect(CommandNames.distance("check", "chesk") == 1)
        #expect(CommandNames.distance("check", "chekc") == 1)
        #expect(CommandNames.distance("run", "") == 3)
        #expect(CommandNames.distance("ab", "dcb") == 2)
    }
}
