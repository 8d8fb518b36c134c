// FuzzDecoder.swift · Tests/Fuzz. libFuzzer's way into the decoder; `.ci/fuzz` builds it with AddressSanitizer and runs it.
// It is compiled into one module with Wire's messages, so that all of the decoder is instrumented.

/// A frame is refused, or what was read from it is written and read back as the same bytes.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzzDecoder(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let frame = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    guard let envelope = try? Envelope(decoding: frame) else { return 0 }
    let written = envelope.encoded()
    guard let again = try? Envelope(decoding: written), again.encoded() == written else {
        fatalError("\(frame.hexadecimal) was read as what is not read again")
    }
    return 0
}
