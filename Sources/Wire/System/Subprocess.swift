// Subprocess.swift · Wire/System. Starts other programs and waits for them; the caller makes their arguments and input.

public import Glibc
internal import Vocabulary

public enum SubprocessError: Error, Equatable, Sendable, CustomStringConvertible {
    case notFound(program: String)
    case failed(program: String, reason: String)

    public var description: String {
        switch self {
        case .notFound(let program): "\(program) is not installed"
        case .failed(let program, let reason): "\(program): \(reason)"
        }
    }
}

public enum Subprocess {
    /// How a process ended.
    public enum Status: Equatable, Sendable, CustomStringConvertible {
        case exited(Int32), killed(signal: Int32)

        fileprivate init(_ raw: Int32) { self = raw & 0x7f == 0 ? .exited(raw >> 8 & 0xff) : .killed(signal: raw & 0x7f) }

        public var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .killed(let signal): "signal \(signal)"
            }
        }
    }

    /// Starts a program with no signal blocked, in a process group of its own, so that Ctrl-C in a terminal reaches this process alone.
    /// - Parameters:
    ///   - program: a path, or a name to look up on PATH.
    ///   - input: what the program reads on standard input.
    ///   - path: a file that standard output is appended to; nil for that of this process.
    ///   - errorsPath: a file that standard error is appended to; nil for where standard output goes.
    ///   - variables: of the environment, in place of those of this process that have the same names.
    ///   - prefixes: variables of this process whose names begin like this are not passed on.
    /// - Throws: `notFound` for a program that is not installed, `failed` with the system's reason for any other.
    public static func spawn(
        _ program: String, _ arguments: [String], input: Input = .nothing, outputTo path: String? = nil,
        errorsTo errorsPath: String? = nil, variables: [String: String] = [:], withoutVariables prefixes: [String] = []
    ) throws(SubprocessError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
        var pipeEnd: CInt = -1
        defer { if pipeEnd >= 0 { close(pipeEnd) } }
        switch input {
        case .nothing: unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        case .file(let path): unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, path, O_RDONLY, 0)
        case .text(let text):
            pipeEnd = try filledPipe(text, for: program)
            unsafe posix_spawn_file_actions_adddup2(&actions, pipeEnd, STDIN_FILENO)
        }
        let log = try path.map { (path) throws(SubprocessError) in try openLog(path, for: program) }
        defer { if let log { close(log) } }
        if let log {
            unsafe posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO)
            unsafe posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO)
        }
        let errors = try errorsPath.map { (path) throws(SubprocessError) in try openLog(path, for: program) }
        defer { if let errors { close(errors) } }
        if let errors { unsafe posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO) }
        closeOthersOnExec()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        unsafe posix_spawnattr_setsigmask(&attributes, &mask)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        // A child inherits ignored signals, and it should end by these two as programs do.
        var ignored = sigset_t()
        unsafe sigemptyset(&ignored)
        unsafe sigaddset(&ignored, SIGPIPE)
        unsafe sigaddset(&ignored, SIGXFSZ)
        unsafe posix_spawnattr_setsigdefault(&attributes, &ignored)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
        // Sound: the copies live until posix_spawnp has returned, and the lists end in nil.
        let copies = unsafe ([program] + arguments).map { unsafe strdup($0) },
            settings = unsafe environment(with: variables, without: prefixes)
        defer { unsafe (copies + settings).forEach { unsafe free($0) } }
        var pid: pid_t = 0
        let code = unsafe posix_spawnp(&pid, program, &actions, &attributes, copies + [nil], settings + [nil])
        guard code == 0 else {
            throw code == ENOENT ? .notFound(program: program) : .failed(program: program, reason: systemReason(code))
        }
        return pid
    }

    /// Copies of `NAME=VALUE`, byte for byte, for the caller to free.
    private static func environment(
        with variables: [String: String], without prefixes: [String]
    ) -> [UnsafeMutablePointer<CChar>?] {
        var settings = unsafe variables.map { unsafe strdup("\($0.key)=\($0.value)") }
        let dropped = variables.keys.map { "\($0)=" } + prefixes
        var next = unsafe environ
        while let setting = unsafe next.pointee {
            if !dropped.contains(where: { unsafe strncmp(setting, $0, $0.utf8.count) == 0 }) { unsafe settings.append(strdup(setting)) }
            unsafe next += 1
        }
        return unsafe settings
    }

    /// The standard input of a program that is started.
    public enum Input: Sendable {
        case nothing
        case file(String)
        /// A secret that must not be in a file or on a command line; at most 4,096 bytes, which a pipe holds before anybody reads.
        case text(String)
    }

    /// Opened here and not by the child, where a FIFO would block both, and where an error would seem to be the program's.
    private static func openLog(_ path: String, for program: String) throws(SubprocessError) -> CInt {
        func refuse(_ reason: String) -> SubprocessError { .failed(program: program, reason: "its output cannot go to \(path): \(reason)") }
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw refuse(systemReason()) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, [S_IFREG, S_IFCHR].contains(status.st_mode & S_IFMT) else {
            close(descriptor)
            throw refuse("is \(FileBytes.kind(status.st_mode))")
        }
        _ = fcntl(descriptor, F_SETFL, O_APPEND)
        return descriptor
    }

    private static func filledPipe(_ text: String, for program: String) throws(SubprocessError) -> CInt {
        guard text.utf8.count <= 4096 else {
            throw .failed(program: program, reason: "a secret of \(text.utf8.count) bytes, more than 4096")
        }
        var ends: [CInt] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw .failed(program: program, reason: systemReason()) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        unsafe _ = write(ends[1], text, text.utf8.count)
        close(ends[1])
        return ends[0]
    }

    /// Marks all descriptors from 3 on as close-on-exec. One that this process inherited without knowing it (a shell's pipe) would
    /// otherwise stay open in a worker that outlives this process, and the reader of that pipe would wait for the worker.
    private static func closeOthersOnExec() {
        for name in FileBytes.names(in: "/proc/self/fd") {
            if let descriptor = CInt(name), descriptor > STDERR_FILENO { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
    }

    /// Starts a program as `spawn` does and blocks this thread until it ends.
    public static func run(
        _ program: String, _ arguments: [String], input: Input = .nothing, outputTo path: String? = nil, variables: [String: String] = [:]
    ) throws(SubprocessError) -> Status {
        wait(try spawn(program, arguments, input: input, outputTo: path, variables: variables))
    }

    /// Blocks this thread until a child ends.
    public static func wait(_ pid: pid_t) -> Status {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return Status(status)
    }

    /// The given children that have ended; each is returned once. Does not wait.
    public static func reap(_ pids: some Sequence<pid_t>) -> [(pid: pid_t, status: Status)] {
        pids.compactMap { pid in
            var status: Int32 = 0
            return unsafe waitpid(pid, &status, WNOHANG) == pid ? (pid, Status(status)) : nil
        }
    }

    /// The last line of a program's output that is not empty, for a person: at most 300 characters, none of which controls a terminal. ssh
    /// ends its lines with "\r\n", which is one Swift character, equal to neither "\r" nor "\n".
    public static func lastLine(_ output: String) -> String? {
        output.split(whereSeparator: \.isNewline).last.map { String($0.prefix(300)).harmless }
    }

    public static func signal(_ pid: pid_t, _ number: Int32) { kill(pid, number) }

    /// Ends a process that `spawn` started, and all that it has started in turn.
    public static func killGroup(_ pid: pid_t) { kill(-pid, SIGKILL) }
}
