// FileTests.swift · Tests/WireTests. Files that are written and read: what has the name already is looked at first.

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Wire

@Suite("Files") struct FileTests {
    let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func path(_ name: String) -> String { scratch.path(of: name) }

    private func mode(_ name: String) -> mode_t {
        var status = stat()
        return lstat(path(name), &status) == 0 ? status.st_mode : 0
    }

    @Test("a file appears whole, replaces an older one and keeps its permissions; nothing is left of one that is not finished")
    func whole() throws {
        try OutputFile.write(Array("one".utf8), to: path("file"))
        #expect(chmod(path("file"), 0o640) == 0)
        try OutputFile.write(Array("two".utf8), to: path("file"))
        #expect(try scratch.read("file") == "two")
        #expect(mode("file") & 0o777 == 0o640)
        do {
            let file = try OutputFile(path("file"))
            try file.write(Array("three".utf8))
        }
        #expect(try scratch.read("file") == "two")
        #expect(try scratch.names() == ["file"])
    }

    @Test("a symbolic link stays and leads to its file, also to one that is not there yet") func links() throws {
        try FileManager.default.createDirectory(atPath: path("far"), withIntermediateDirectories: true)
        try scratch.write("old", to: "far/file")
        #expect(symlink("far/file", path("link")) == 0)
        #expect(symlink("link", path("link of a link")) == 0)
        #expect(symlink("far/new", path("dangling")) == 0)
        try OutputFile.write(Array("new".utf8), toRegular: path("link of a link"))
        try OutputFile.write(Array("first".utf8), to: path("dangling"))
        #expect(try scratch.read("far/file") == "new")
        #expect(try scratch.read("far/new") == "first")
        for name in ["link", "link of a link", "dangling"] { #expect(mode(name) & S_IFMT == S_IFLNK) }
        #expect(symlink("circle", path("circle")) == 0)
        #expect(throws: FileError(path: path("circle"), reason: "Too many levels of symbolic links")) {
            try OutputFile.write([1], to: path("circle"))
        }
    }

    @Test("a FIFO and a device get the bytes and stay what they are") func streams() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        let name = path("fifo"), reader = Pipe()
        Thread.detachNewThread {
            let bytes = (try? FileBytes.read(name)) ?? []
            reader.fileHandleForWriting.write(Data(bytes))
            try? reader.fileHandleForWriting.close()
        }
        try OutputFile.write(Array("through".utf8), to: path("fifo"))
        #expect(reader.fileHandleForReading.readDataToEndOfFile() == Data("through".utf8))
        #expect(mode("fifo") & S_IFMT == S_IFIFO)
        try OutputFile.write(Array("gone".utf8), to: "/dev/null")
        #expect(throws: FileError(path: "/dev/full", reason: "No space left on device")) { try OutputFile.write([1], to: "/dev/full") }
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test("the name of a descriptor is the descriptor, whose earlier content stays") func descriptors() throws {
        let descriptor = open(path("log"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(descriptor) }
        #expect(Glibc.write(descriptor, "before ", 7) == 7)
        for name in ["/dev/fd/\(descriptor)", "/proc/self/fd/\(descriptor)"] { try OutputFile.write(Array("after ".utf8), to: name) }
        #expect(try scratch.read("log") == "before after after ")
        #expect(try OutputTarget.of("/dev/stdout") == .descriptor(1))
    }

    @Test("a directory, a socket and, for files with fixed names, a FIFO are refused by what they are") func refused() throws {
        #expect(throws: FileError(path: scratch.path, reason: "is a directory, which cannot be written as a file")) {
            try OutputFile.write([1], to: scratch.path)
        }
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        #expect(throws: FileError(path: path("fifo"), reason: "is no regular file: remove it, or write elsewhere")) {
            try OutputFile.write([1], toRegular: path("fifo"))
        }
        #expect(throws: FileError(path: path("file/x"), reason: "No such file or directory")) {
            try OutputFile.write([1], to: path("file/x"))
        }
        try scratch.write("", to: "file")
        #expect(throws: FileError(path: path("file/x"), reason: "Not a directory")) { try OutputFile.write([1], to: path("file/x")) }
    }

    @Test("a secret replaces a regular file alone") func secrets() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        try scratch.write("mine", to: "file")
        #expect(symlink("file", path("link")) == 0)
        for (name, kind) in [(path("fifo"), "a FIFO"), (path("link"), "a symbolic link"), ("/dev/stdout", "a symbolic link")] {
            #expect(throws: PrivateFileError.failed(path: name, reason: "is \(kind): a secret is only written to a regular file")) {
                try PrivateFile.write("secret", to: name)
            }
        }
        #expect(mode("fifo") & S_IFMT == S_IFIFO && mode("link") & S_IFMT == S_IFLNK)
        #expect(try scratch.read("file") == "mine")
        #expect(throws: PrivateFileError.open(path: path("link"), reason: "is a symbolic link")) { try PrivateFile.read(path("link")) }
        #expect(throws: PrivateFileError.open(path: path("fifo"), reason: "is a FIFO")) { try PrivateFile.read(path("fifo")) }
        #expect(PrivateFile.canBeKept(in: scratch.path))
    }

    @Test("a pipe is read to its end, and what cannot be read is refused with the system's reason") func reading() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("through a pipe".utf8))
        try pipe.fileHandleForWriting.close()
        #expect(try FileBytes.read("/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)") == Array("through a pipe".utf8))
        #expect(throws: FileError(path: scratch.path, reason: "is a directory, not a file")) { try FileBytes.read(scratch.path) }
        #expect(throws: FileError(path: path("none"), reason: "there is no such file")) { try FileBytes.read(path("none")) }
        #expect(throws: FileError(path: "/dev/zero", reason: "is longer than 4096 bytes")) { try FileBytes.read("/dev/zero", atMost: 4096) }
        try scratch.write("", to: "file")
        #expect(FileStatus(path("file/x")) == .failed(reason: "Not a directory"))
        #expect(FileStatus(path("x")) == .missing && FileStatus(path("file")) == .file && FileStatus(scratch.path) == .directory)
    }

    @Test("a log that is a FIFO, or whose folder is gone, is named, and no program is said not to be installed") func logs() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        for (log, reason) in [("fifo", "No such device or address"), ("gone/log", "No such file or directory")] {
            #expect(throws: SubprocessError.failed(program: "true", reason: "its output cannot go to \(path(log)): \(reason)")) {
                try Subprocess.spawn("true", [], outputTo: path(log))
            }
        }
        let reader = open(path("fifo"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        #expect(throws: SubprocessError.failed(program: "true", reason: "its output cannot go to \(path("fifo")): is a FIFO")) {
            try Subprocess.spawn("true", [], outputTo: path("fifo"))
        }
    }

    @Test("a program gets variables in place of those of the same name, and the others as they are") func variables() throws {
        setenv("REGSWEEP_TEST_KEPT", "kept", 1)
        setenv("REGSWEEP_TEST_CHANGED", "old", 1)
        let script = "printf '%s %s' \"$REGSWEEP_TEST_KEPT\" \"$REGSWEEP_TEST_CHANGED\""
        #expect(
            try Subprocess.run("sh", ["-c", script], outputTo: path("out"), variables: ["REGSWEEP_TEST_CHANGED": "new"]) == .exited(0))
        #expect(try scratch.read("out") == "kept new")
    }

    @Test("a tilde is a home directory where a path begins with it") func tilde() throws {
        let home = try #require(PathText.variable("HOME"))
        #expect(try PathText.expanded("~/results") == home + "/results")
        #expect(try PathText.expanded("~") == home)
        #expect(try PathText.expanded("~root/x") == "/root/x")
        for path in ["./~/x", "a~", "a/~/b", ""] { #expect(try PathText.expanded(path) == path) }
        #expect(
            throws: PathError(
                description: "~nobody-has-it/x: there is no user nobody-has-it; a file of that name is written ./~nobody-has-it/x")
        ) {
            try PathText.expanded("~nobody-has-it/x")
        }
    }
}
