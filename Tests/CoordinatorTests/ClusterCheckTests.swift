// ClusterCheckTests.swift · Tests/CoordinatorTests. What `check --cluster` makes of the answers of hosts.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Cluster check") struct HostFindingTests {
    private func probe(v3: String = "yes", copied: String) -> String {
        "motd\nregsweep-probe v3=\(v3) free_kib=2048 copied=\(copied)\n"
    }

    @Test("a host that has the program and computes the right bits is ready") func ready() {
        var finding = HostFinding(host: "ada")
        #expect(finding.isUntried)
        finding.probed("Welcome\r\n" + probe(copied: "yes"), "a greeting\n")
        #expect(finding.isReachable && finding.hasProgram && !finding.isUntried && !finding.lacksProgram)
        finding.tried("regsweep-cores 8\nlog\n\(Build.selfTest)\n", "a greeting\n")
        #expect(finding.trouble == nil)
        #expect(
            TextTable.text([finding], HostFinding.columns) == """
                host  reachable  cores  x86-64-v3  room (MiB)  copy (s)  state
                ada   yes            8  yes                 2  is there  ready

                """)
    }

    @Test("a host without the program gets it, which takes a time") func copied() {
        var finding = HostFinding(host: "ada")
        finding.probed(probe(copied: "no"), "")
        #expect(finding.lacksProgram && !finding.hasProgram)
        finding.copied(.exited(0), "", seconds: 1.26)
        #expect(finding.hasProgram && !finding.lacksProgram)
        #expect(TextTable.text([finding], HostFinding.columns).contains("  1.3  ready\n"))
        finding = HostFinding(host: "ada")
        finding.probed(probe(copied: "no"), "")
        finding.copied(.exited(74), "cat: No space left on device\n", seconds: 1)
        #expect(!finding.hasProgram && !finding.lacksProgram)
        #expect(
            finding.trouble
                == "the worker program was not copied: cat: No space left on device; `folder` in its [[host]] names another place")
    }

    @Test("what is wrong is told: no answer, the processor, a program that does not run, or one that computes other bits") func troubles() {
        var silent = HostFinding(host: "ada"), refused = HostFinding(host: "bob")
        silent.probed("", "")
        refused.probed("", "ssh: Could not resolve hostname bob\r\n")
        #expect(silent.trouble == "no answer" && refused.trouble == "ssh: Could not resolve hostname bob")
        #expect(!refused.isReachable && !refused.isUntried && !refused.lacksProgram && !refused.hasProgram)
        #expect(
            TextTable.text([refused], HostFinding.columns).contains(
                "bob   no             –  –                   –         –  ssh: Could not resolve"))
        var old = HostFinding(host: "ada"), broken = old, other = old
        old.probed(probe(v3: "no", copied: "yes"), "")
        old.tried("", "Illegal instruction\n")
        #expect(old.trouble == "the processor lacks a part of x86-64-v3")
        broken.probed(probe(copied: "yes"), "")
        broken.tried("", "a library is missing\n")
        #expect(broken.trouble == "the worker does not run: a library is missing")
        var noexec = other
        noexec.probed(probe(copied: "yes"), "")
        noexec.tried("regsweep-cores \n", "sh: 1: /home/me/.cache/regsweep/worker-7: Permission denied\n")
        #expect(noexec.trouble?.hasSuffix("Permission denied; `folder` in its [[host]] names another place") == true && noexec.cores == nil)
        other.probed(probe(copied: "yes"), "")
        other.tried("", "")
        #expect(other.trouble == "the worker does not run: no output")
    }

    @Test("a Slurm group is reachable where sbatch would take its job") func slurm() {
        var taken = HostFinding(host: "batch"), refused = taken
        taken.submitted(.exited(0), "", "sbatch: Job 1 to start at now\n")
        refused.submitted(.exited(1), "a wrapper\n", "allocation failure: invalid partition\n")
        #expect(taken.isReachable && taken.trouble == nil)
        #expect(!refused.isReachable && refused.trouble == "allocation failure: invalid partition")
    }
}
