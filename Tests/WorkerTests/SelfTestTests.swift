// SelfTestTests.swift · Tests/WorkerTests.

import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

@Suite("Self-test") struct SelfTestTests {
    @Test("this build computes the bits that the coordinator expects of every worker") func digest() {
        #expect(selfTestDigest() == Build.selfTest)
    }
}
