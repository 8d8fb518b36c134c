// SSHText.swift · Coordinator/Launching. What is said to another host over ssh, as text, and what it answers, read back.

internal import FoundationEssentials
internal import Vocabulary
internal import Wire

/// The worker program as it is on the coordinator's host, and where it goes on others.
struct WorkerBundle: Equatable {
    var path: String
    /// SHA-256 of the file: it is part of the name over there, so hosts with several releases keep them apart.
    var digest: Digest

    init(path: String, digest: Digest) {
        self.path = path
        self.digest = digest
    }

    init(reading path: String) throws(SubprocessError) {
        guard let bytes = try? Data(contentsOf: URL(filePath: path)) else { throw .notFound(program: path) }
        self.init(path: path, digest: Digest(of: Array(bytes)))
    }
}

/// What a host is told to start.
struct HostLaunch: Equatable {
    /// Worker processes.
    var workers: Int
    /// Of each; nil for as many as give every core of the host a thread.
    var slots: Int?
    var threadsPerTrial = 1
    var orphanTimeout: Duration
}

enum SSHText {
    /// The exit code of a host that lacks the program.
    static let needsCopy: Int32 = 66
    /// ssh's own: no connection, no login.
    static let noConnection: Int32 = 255

    /// - Parameters:
    ///   - host: as the user's own ssh config knows it.
    ///   - options: go before the host, such as `-F file`.
    ///   - script: for a POSIX shell, without single quotes: the user's own shell over there may be another one and only sees a word.
    static func arguments(_ host: String, options: [String], script: String) -> [String] {
        precondition(!script.contains("'"), "a script that cannot be put in quotes")
        // A question would be asked of nobody; a dead connection is noticed in half a minute.
        let ours = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3", "-T"]
        return options + ours + ["--", host, "exec /bin/sh -c '\(script)'"]
    }

    private static func file(_ bundle: WorkerBundle) -> String {
        "f=$HOME/.cache/regsweep/worker-\("\(bundle.digest)".prefix(16))"
    }

    private static func isThere(_ bundle: WorkerBundle) -> String {
        "s=$(sha256sum < \"$f\" 2>/dev/null); [ \"${s%% *}\" = \(bundle.digest) ]"
    }

    /// Starts workers and waits for them; the invitation comes on standard input and is on no command line. Ends with `needsCopy`, or with
    /// the code of a worker that did not drain.
    static func start(_ bundle: WorkerBundle, _ launch: HostLaunch) -> String {
        let threads = launch.workers * launch.threadsPerTrial
        let slots = launch.slots.map { "t=\($0)" } ?? "t=$(( ($(nproc) + \(threads - 1)) / \(threads) ))"
        return """
            \(file(bundle)); \(isThere(bundle)) || exit \(needsCopy); IFS= read -r i; \(slots); p=; k=0; \
            while [ $k -lt \(launch.workers) ]; do \
            printf "%s\\n" "$i" | "$f" --join - --slots $t --threads-per-trial \(launch.threadsPerTrial) --orphan-timeout \(launch.orphanTimeout.inSeconds) & p="$p $!"; k=$((k+1)); done; \
            i=; r=0; for q in $p; do wait $q || r=$?; done; exit $r
            """
    }

    /// Takes the program from standard input. It has its name only when it is whole.
    static func copy(_ bundle: WorkerBundle) -> String {
        """
        umask 077; \(file(bundle)); p="$f.$$"; mkdir -p "${f%/*}" && cat > "$p" && chmod 700 "$p" && mv "$p" "$f" && \(isThere(bundle)) \
        || { rm -f "$p"; exit 74; }
        """
    }

    /// Trains a little, so that it shows whether the program runs there and computes our bits.
    static func selfTest(_ bundle: WorkerBundle) -> String { "\(file(bundle)); exec \"$f\" --self-test" }

    /// Says in one line what `probe(from:)` reads.
    static func probe(_ bundle: WorkerBundle) -> String {
        let flags = "avx2 bmi1 bmi2 f16c fma abm movbe"
        return """
            \(file(bundle)); mkdir -p "${f%/*}"; v=yes; w=" $(grep -m 1 ^flags /proc/cpuinfo) "; \
            for x in \(flags); do case "$w" in *" $x "*) ;; *) v=no;; esac; done; h=no; \(isThere(bundle)) && h=yes; \
            set -- $(df -Pk "${f%/*}" | tail -n 1); echo "regsweep-probe cores=$(nproc) v3=$v free_kib=$4 copied=$h"
            """
    }

    struct Probe: Equatable {
        var cores: Int, isV3: Bool, freeKiB: Int, isCopied: Bool
    }

    /// Nil where the host said something else, such as a shell that is none.
    static func probe(from output: String) -> Probe? {
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("regsweep-probe ") }) else { return nil }
        let fields = Dictionary(
            line.split(separator: " ").dropFirst().compactMap { word -> (String, String)? in
                let parts = word.split(separator: "=", maxSplits: 1)
                return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
            }
        ) { first, _ in first }
        guard let cores = fields["cores"].flatMap({ Int($0) }), let free = fields["free_kib"].flatMap({ Int($0) }),
            let v3 = fields["v3"], let copied = fields["copied"]
        else { return nil }
        return Probe(cores: cores, isV3: v3 == "yes", freeKiB: free, isCopied: copied == "yes")
    }
}
