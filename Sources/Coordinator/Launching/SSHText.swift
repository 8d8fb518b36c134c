// SSHText.swift · Coordinator/Launching. What ssh is called with, as text, and what a host answers, read back.

internal import Vocabulary
internal import Wire

enum SSHText {
    /// Exit code of ``start(_:_:orphanTimeout:)`` on a host that lacks the program.
    static let needsCopy: Int32 = 66
    /// Exit code of ssh itself: no connection, or no login.
    static let noConnection: Int32 = 255

    /// The arguments of ssh.
    /// - Parameters:
    ///   - host: as the user's own ssh config knows it.
    ///   - options: go before the host, such as `-F file`.
    ///   - script: for a POSIX shell, without single quotes: the user's login shell may be another one, and sees the script as one word.
    static func arguments(_ host: String, options: [String], script: String) -> [String] {
        precondition(!script.contains("'"), "a script that cannot be put in quotes")
        // Nobody could answer a question for a password; a connection that is cut is noticed in half a minute.
        let fixed = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3", "-T"]
        return options + fixed + ["--", host, "exec /bin/sh -c '\(script)'"]
    }

    /// Where the program lies on a host.
    private static func file(_ bundle: WorkerBundle, _ spec: HostSpec) -> String {
        let folder = spec.folder ?? "~/.cache/regsweep"
        return "f=\"\(folder.hasPrefix("~/") ? "$HOME" + folder.dropFirst() : folder)/worker-\("\(bundle.digest)".prefix(16))\""
    }

    /// A folder that was chosen for it may lie where others write too: whoever owns it could exchange the program.
    private static func isOwn(_ spec: HostSpec) -> String {
        spec.folder == nil
            ? "" : "if [ -e \"${f%/*}\" ] && [ ! -O \"${f%/*}\" ]; then echo \"${f%/*} belongs to another user\" >&2; exit 77; fi; "
    }

    private static func isThere(_ bundle: WorkerBundle) -> String {
        "s=$(sha256sum < \"$f\" 2>/dev/null); [ \"${s%% *}\" = \(bundle.digest) ]"
    }

    /// Starts the workers of a host and waits for them; the invitation comes on standard input and is on no command line. Ends with
    /// `needsCopy`, or with the code of a worker that did not drain.
    static func start(_ bundle: WorkerBundle, _ spec: HostSpec, orphanTimeout: Duration) -> String {
        let threads = spec.workers * spec.threadsPerTrial
        // As many as give every core of the host a thread, which only the program there can count: nproc obeys OMP_NUM_THREADS, and no quota.
        let slots = spec.slots.map { "t=\($0)" } ?? "t=$(( ($(\"$f\" --cores) + \(threads - 1)) / \(threads) ))"
        let worker = WorkerCommandLine(
            coordinator: .invitationOnStandardInput,
            load: WorkerLoad(slots: "$t", threadsPerTrial: spec.threadsPerTrial, orphanTimeout: orphanTimeout))
        // Where home takes no program it may take no data either.
        let cache = spec.folder == nil ? "" : " --cache \"${f%/*}\""
        return """
            \(file(bundle, spec)); \(isOwn(spec))\(isThere(bundle)) || exit \(needsCopy); IFS= read -r i; \(slots); p=; k=0; \
            while [ $k -lt \(spec.workers) ]; do \
            printf "%s\\n" "$i" | "$f" \(worker.arguments.joined(separator: " "))\(cache) & p="$p $!"; k=$((k+1)); done; \
            i=; r=0; for q in $p; do wait $q || r=$?; done; exit $r
            """
    }

    /// Copies the program from standard input. The file gets its name only when it is whole. Copies of an hour ago that have no name yet were
    /// cut off, and are removed.
    static func copy(_ bundle: WorkerBundle, _ spec: HostSpec) -> String {
        """
        umask 077; \(file(bundle, spec)); \(isOwn(spec))p="$f.$$"; mkdir -p "${f%/*}" && \
        { find "${f%/*}" -name "worker-*.*" -mmin +60 -exec rm -f {} + 2>/dev/null; cat > "$p"; } && chmod 700 "$p" && mv "$p" "$f" && \(isThere(bundle)) \
        || { rm -f "$p"; exit 74; }
        """
    }

    /// Prints the line that ``cores(from:)`` reads. Then trains a little on the host and prints the digest, which shows whether the program
    /// runs there and computes the right bits.
    static func selfTest(_ bundle: WorkerBundle, _ spec: HostSpec) -> String {
        "\(file(bundle, spec)); echo; echo \"regsweep-cores $(\"$f\" --cores)\"; exec \"$f\" --self-test"
    }

    /// Reads how many cores a worker may use on a host; nil where the program does not run there.
    static func cores(from output: String) -> Int? {
        let line = output.split(whereSeparator: \.isNewline).last { $0.hasPrefix("regsweep-cores ") }
        return line.flatMap { Int($0.dropFirst("regsweep-cores ".count)) }
    }

    /// Prints the line that ``probe(from:)`` reads, below what the host's own start files have printed, which may not end in a new line.
    static func probe(_ bundle: WorkerBundle, _ spec: HostSpec) -> String {
        let flags = "avx2 bmi1 bmi2 f16c fma abm movbe"
        return """
            umask 077; \(file(bundle, spec)); mkdir -p "${f%/*}"; v=yes; w=" $(grep -m 1 ^flags /proc/cpuinfo) "; \
            for x in \(flags); do case "$w" in *" $x "*) ;; *) v=no;; esac; done; h=no; \(isThere(bundle)) && h=yes; \
            set -- $(df -Pk "${f%/*}" | tail -n 1); echo; echo "regsweep-probe v3=$v free_kib=${4:-unknown} copied=$h"
            """
    }

    struct Probe: Equatable {
        /// Whether its processor has all of x86-64-v3, which the kernels are built for.
        var isV3: Bool
        /// Room in the file system that the program goes to; nil where its folder cannot be made, for which copying has the reason.
        var freeKiB: Int?
        /// Whether it has the program.
        var isCopied: Bool
    }

    /// Reads what a host is. Nil where it printed something else, such as the refusal of an account without a shell.
    static func probe(from output: String) -> Probe? {
        guard let line = output.split(whereSeparator: \.isNewline).last(where: { $0.hasPrefix("regsweep-probe ") }) else { return nil }
        let fields = Dictionary(
            line.split(separator: " ").dropFirst().compactMap { word -> (String, String)? in
                let parts = word.split(separator: "=", maxSplits: 1)
                return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
            }
        ) { first, _ in first }
        guard let free = fields["free_kib"], let v3 = fields["v3"], let copied = fields["copied"] else { return nil }
        return Probe(isV3: v3 == "yes", freeKiB: Int(free), isCopied: copied == "yes")
    }
}
