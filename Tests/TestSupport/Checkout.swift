// Checkout.swift · Tests/TestSupport. Where the files of the checkout lie that these tests were compiled from.

public enum Checkout {
    /// The folder of Package.swift.
    public static let path = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    /// - Parameter file: the path of a file or folder, relative to the folder of Package.swift.
    public static func path(of file: String) -> String { "\(path)/\(file)" }
}
