// SimulatedPlan.swift · Tests/SimulationTests. What a seed decides of a simulated world before anything happens in it.

import Vocabulary

@testable import regsweep

extension SimulatedCluster {
    /// A mistake that the simulation has to find.
    enum Fault: Equatable {
        case journal(SimulatedJournal.Fault)
        /// The coordinator starts without something that the journal has.
        case recoveryForgets(Recovered)
        /// A third of the leases never leave the coordinator.
        case losesLeases
        /// A trial that comes back to the queue is lost there.
        case losesRequeues
        /// Whatever a worker says of its build is taken for the coordinator's.
        case trustsOtherBuilds
    }

    /// Something that a coordinator recovers when it starts.
    enum Recovered: Equatable { case crashes, distrusted, verifications, baselines, checkpoints, failures }

    struct Plan {
        var seed: UInt64
        /// Nothing is lost, nobody dies.
        var isCalm = false
        /// Trials that read files and make checkpoints.
        var isLong = false
        var fault: Fault?
        /// Whoever begins to compute it dies at once.
        var poison: TrialKey?
        var crashLimit = Self.never
        /// Whether every trial is computed twice.
        var isAudited = false
        /// What strange workers come.
        var strangers: [SimulatedWorker.Nature] = [.foreign]
        /// Whether somebody with one key and many ids is here until the sweep is run again.
        var hasForger = false
        /// How many sound workers there are once trouble is over; when it is run again there are three.
        var workers = Self.enough
        /// What happens to it.
        var kinds = Trouble.allCases
        /// Seconds that a trial takes; what happens to a cluster happens as often in a trial's time.
        var pace = 1

        static let enough = 3
        /// More deaths than a simulation has.
        static let never = 1000
        var isVerbose = false

        init(
            seed: UInt64, isCalm: Bool = false, isLong: Bool = false, fault: Fault? = nil, poison: TrialKey? = nil,
            crashLimit: Int = Self.never
        ) {
            (self.seed, self.isCalm, self.isLong, self.fault) = (seed, isCalm, isLong, fault)
            (self.poison, self.crashLimit) = (poison, crashLimit)
        }

        var sweep: SampleSweep { isLong ? .long : .short }

        var audit: Audit { Audit(share: isAudited ? 1 : 0, lanes: isLong ? 1 : 2) }

        /// A hostile world with a forger, in which every trial is computed twice.
        static func forged(seed: UInt64) -> Plan {
            var plan = hostile(seed: seed)
            (plan.hasForger, plan.isAudited, plan.strangers) = (true, true, [.foreign])
            (plan.poison, plan.crashLimit, plan.workers, plan.pace) = (nil, Self.never, Self.enough, 1)
            return plan
        }

        /// Everything that a seed decides of a hostile world.
        static func hostile(seed: UInt64, fault: Fault? = nil) -> Plan {
            var plan = Plan(seed: seed, fault: fault)
            // Apart from what the lower bits decide.
            plan.isLong = seed / 8 % 2 == 1
            let keys = plan.sweep.keys
            // Innocents are set aside as well then, and run again in the end.
            if seed % 4 == 0 { plan.crashLimit = 1 }
            if seed % 4 == 1 { (plan.poison, plan.crashLimit) = (keys[Int(seed / 4) % keys.count], 3) }
            if seed % 3 == 0 {
                plan.isAudited = true
                plan.strangers.append(.corrupting)
            }
            if seed % 3 == 1 || seed % 5 == 0 { plan.strangers.append(.failing) }
            // One that nobody sound could check.
            if seed % 30 == 15 { plan.workers = 1 }
            if seed % 8 == 7 { plan.pace = 60 }
            return plan
        }

        /// A world in which parties only stand still, for longer than every timeout: nobody crashes, and the network is in order.
        static func standing(seed: UInt64, _ kinds: [Trouble]) -> Plan {
            var plan = Plan(seed: seed, isLong: seed % 2 == 1, crashLimit: 3)
            plan.kinds = kinds
            if seed % 4 > 1 { plan.pace = 10 }
            return plan
        }
    }

    enum Trouble: CaseIterable {
        case brokenConnection, killedWorker, drainedWorker, joinedWorker, strangeWorker, killedCoordinator, killedBeforeCommit
        case killedAfterCommit, killedBetweenFrames, drainedCoordinator, stoppedCoordinator, fullDisk, slowDisk, partition, oneWayPartition
        case brokenFrame, storm, clockJump, sleepingHost, corruptedCache, fullCache
    }
}

extension Recovery {
    /// Plants the mistake of a coordinator that starts without it.
    mutating func forget(_ recovered: SimulatedCluster.Recovered) {
        switch recovered {
        case .crashes: crashes = [:]
        case .distrusted: distrusted = []
        case .verifications: verifications = []
        case .baselines: baselines = [:]
        case .checkpoints: checkpoints = []
        case .failures: failed = []
        }
    }
}
