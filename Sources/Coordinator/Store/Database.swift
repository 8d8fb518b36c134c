// Database.swift · Coordinator/Store. The only file that calls SQLite's C API: a connection and its statements, each with one owner.

internal import CSQLite
internal import Glibc
internal import Vocabulary
internal import Wire

/// One connection, which only one thread may use.
@safe struct Database: ~Copyable {
    private let handle: OpaquePointer
    let path: String

    /// - Throws: `unusable` when the file cannot be opened or made; `foreign` when there is no file to read.
    init(_ path: String, readOnly: Bool = false) throws(StoreError) {
        // SQLite gives the same error for a missing file and for one that cannot be opened.
        guard unsafe !readOnly || access(path, F_OK) == 0 else {
            throw errno == ENOENT
                ? .foreign(path: path, reason: "there is no store here yet") : .unusable(path: path, reason: systemReason())
        }
        guard readOnly else {
            try self.init(path, of: path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
            return
        }
        let database = try Database(path, of: path, SQLITE_OPEN_READONLY)
        guard database.lacksSharedMemory else {
            self = database
            return
        }
        guard Files.size(of: path + "-wal") ?? 0 == 0 else {
            throw .unusable(
                path: path,
                reason: "its log, \(path)-wal, has results that can only be read where \(path)-shm can be made: copy the directory to one "
                    + "that you may write to")
        }
        try self.init(Self.immutableName(of: path), of: path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
    }

    /// Whether a database that was opened to be read can be read only as a file that nobody changes: readers and writers share memory
    /// through a file beside it, which this process can neither make nor open.
    private var lacksSharedMemory: Bool {
        let code = unsafe sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nil, nil, nil) & 0xff
        return code == SQLITE_CANTOPEN || code == SQLITE_READONLY
    }

    /// The name by which SQLite opens a file that nobody changes.
    private static func immutableName(of path: String) -> String {
        let safe = path.utf8.flatMap { byte in "?#%".utf8.contains(byte) ? Array("%\([byte].hexadecimal)".utf8) : [byte] }
        return "file:\(String(decoding: safe, as: UTF8.self))?immutable=1"
    }

    private init(_ name: String, of path: String, _ flags: CInt) throws(StoreError) {
        var handle: OpaquePointer?
        let code = unsafe sqlite3_open_v2(name, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK, let handle = unsafe handle else {
            let reason = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close_v2(handle)
            throw .unusable(path: path, reason: reason)
        }
        unsafe self.handle = unsafe handle
        self.path = path
        // 5 s: a reader (`report`, `check`) may hold a page for a moment.
        unsafe sqlite3_busy_timeout(handle, 5_000)
    }

    deinit { unsafe _ = sqlite3_close_v2(handle) }

    func execute(_ sql: String) throws(StoreError) {
        let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    func prepare(_ sql: String) throws(StoreError) -> Statement {
        var statement: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement = unsafe statement else { throw failure(code) }
        return unsafe Statement(statement, path: path)
    }

    /// Runs the closure in one transaction: everything that it writes is on disk when this returns, or nothing of it when this throws.
    func transaction(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        try execute("BEGIN IMMEDIATE")
        do {
            try body()
            try execute("COMMIT")
        } catch {
            // SQLite may have rolled back by itself; doing so again does nothing.
            try? execute("ROLLBACK")
            throw error
        }
    }

    /// Runs the closure in a transaction that only reads: all of its statements see the same state of the database.
    func snapshot(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        try execute("BEGIN")
        do throws(StoreError) { try body() } catch {
            try? execute("ROLLBACK")
            throw error
        }
        try execute("COMMIT")
    }

    private func failure(_ code: CInt) -> StoreError { unsafe .of(code, handle, path: path) }
}

/// A prepared statement, which may be run any number of times.
@safe struct Statement: ~Copyable {
    private let handle: OpaquePointer
    private let path: String

    fileprivate init(_ handle: OpaquePointer, path: String) {
        unsafe self.handle = unsafe handle
        self.path = path
    }

    deinit { unsafe _ = sqlite3_finalize(handle) }

    enum Value {
        case integer(Int64), real(Double), text(String), blob([UInt8]), null
    }

    /// Binds the values in order and runs a statement that gives no rows.
    func run(_ values: [Value] = []) throws(StoreError) { try rows(values) { _ in } }

    /// Binds the values in order and calls the closure for each row. Within the closure the statement's properties read the columns of that
    /// row.
    func rows(_ values: [Value] = [], _ body: (borrowing Statement) throws(StoreError) -> Void) throws(StoreError) {
        unsafe sqlite3_reset(handle)
        // Sound: SQLITE_TRANSIENT makes SQLite copy before the call returns.
        let copy = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        for (i, value) in values.enumerated() {
            let index = CInt(i + 1)
            switch value {
            case .integer(let value): unsafe sqlite3_bind_int64(handle, index, value)
            case .real(let value): unsafe sqlite3_bind_double(handle, index, value)
            case .text(let value): unsafe sqlite3_bind_text(handle, index, value, -1, copy)
            case .blob(let value): unsafe sqlite3_bind_blob(handle, index, value, CInt(value.count), copy)
            case .null: unsafe sqlite3_bind_null(handle, index)
            }
        }
        defer { unsafe _ = sqlite3_reset(handle) }
        while true {
            let code = unsafe sqlite3_step(handle)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else {
                throw unsafe .of(code, sqlite3_db_handle(handle), path: path)
            }
            try body(self)
        }
    }

    func integer(_ column: Int) -> Int { Int(unsafe sqlite3_column_int64(handle, CInt(column))) }

    func isNull(_ column: Int) -> Bool { unsafe sqlite3_column_type(handle, CInt(column)) == SQLITE_NULL }

    func real(_ column: Int) -> Double { unsafe sqlite3_column_double(handle, CInt(column)) }

    func text(_ column: Int) -> String { unsafe sqlite3_column_text(handle, CInt(column)).map { unsafe String(cString: $0) } ?? "" }

    func value(_ column: Int) -> Value {
        switch unsafe sqlite3_column_type(handle, CInt(column)) {
        case SQLITE_INTEGER: .integer(unsafe sqlite3_column_int64(handle, CInt(column)))
        case SQLITE_FLOAT: .real(real(column))
        case SQLITE_TEXT: .text(text(column))
        case SQLITE_BLOB: .blob(blob(column))
        default: .null
        }
    }

    var columnNames: [String] {
        (0..<Int(unsafe sqlite3_column_count(handle))).map { unsafe String(cString: sqlite3_column_name(handle, CInt($0))) }
    }

    /// The checksum over all columns of the row.
    var checksum: RowChecksum {
        var sum = RowChecksum()
        let count = unsafe sqlite3_column_count(handle)
        for column in 0..<count {
            switch unsafe sqlite3_column_type(handle, column) {
            case SQLITE_INTEGER: sum.add(unsafe sqlite3_column_int64(handle, column))
            case SQLITE_FLOAT: sum.add(unsafe sqlite3_column_double(handle, column))
            // Sound: pointer and count belong to the current row, which lasts until the next step. The pointer comes first, since asking for
            // it may change the count.
            case SQLITE_TEXT:
                let text = unsafe sqlite3_column_text(handle, column)
                unsafe sum.add(kind: 4, UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(handle, column))))
            case SQLITE_BLOB:
                let blob = unsafe sqlite3_column_blob(handle, column)
                unsafe sum.add(kind: 5, UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(handle, column))))
            default: sum.addNull()
            }
        }
        return sum
    }

    /// - Returns: nil where the column is no trial key. It makes no array, since a start of the coordinator reads a million of them.
    func key(_ column: Int) -> TrialKey? {
        guard unsafe sqlite3_column_bytes(handle, CInt(column)) == CInt(TrialKey.byteCount),
            let bytes = unsafe sqlite3_column_blob(handle, CInt(column))
        else { return nil }
        // Sound: the 16 bytes belong to the current row, which lasts until the next step.
        return TrialKey(
            high: UInt64(bigEndian: unsafe bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    func blob(_ column: Int) -> [UInt8] {
        // Sound: pointer and count belong to the current row, which lasts until the next step.
        unsafe Array(
            UnsafeRawBufferPointer(start: sqlite3_column_blob(handle, CInt(column)), count: Int(sqlite3_column_bytes(handle, CInt(column))))
        )
    }
}

extension StoreError {
    /// The error of a call that has just failed.
    fileprivate static func of(_ code: CInt, _ database: OpaquePointer?, path: String) -> StoreError {
        let message = unsafe String(cString: sqlite3_errmsg(database))
        // No waiting gives this file more room. SQLite does not keep errno for long enough to ask for it.
        if [SQLITE_FULL, SQLITE_IOERR].contains(code & 0xff), Files.haveReachedLimit(path) { return .tooLarge(path: path) }
        return switch code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED: .blocked(reason: lockReason)
        case SQLITE_FULL, SQLITE_IOERR, SQLITE_NOMEM: .blocked(reason: message)
        // Every statement of this program is right, so one that fails has met other tables than those that the program made.
        case SQLITE_CORRUPT, SQLITE_ERROR: .damaged(path: path, reason: message)
        case SQLITE_NOTADB: .headless(path: path, reason: message)
        default: .unusable(path: path, reason: message)
        }
    }
}
