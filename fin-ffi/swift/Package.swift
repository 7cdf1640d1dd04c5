// swift-tools-version: 6.0
import Foundation
import PackageDescription

// `prepare` fills the folders that are not in the repository: Sources/Fin/Generated with UniFFI's Swift, and Prepared with the
// library and its header. On Apple systems `xcframework` makes Prepared/FinFFI.xcframework instead.
#if os(Linux)
let library = Target.systemLibrary(name: "FinFFI", path: "Prepared/FinFFI")
#else
let library = Target.binaryTarget(name: "FinFFI", path: "Prepared/FinFFI.xcframework")
#endif

// Where there is no CoreLocation, the tests compile its adapter against the few declarations that it uses.
let standIns: [Target] =
    ProcessInfo.processInfo.environment["FIN_CORE_LOCATION_STAND_IN"] == nil
    ? [] : [.target(name: "CoreLocation", path: "Stubs/CoreLocation")]
let standInNames = standIns.map { Target.Dependency(stringLiteral: $0.name) }

let package = Package(
    name: "Fin",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "Fin", targets: ["Fin"])
    ],
    targets: [
        library,
        .target(name: "Fin", dependencies: ["FinFFI"] + standInNames),
        .target(name: "Sessions", dependencies: ["Fin"]),
        .executableTarget(name: "FirstDrive", dependencies: ["Fin", "Sessions"]),
        .executableTarget(name: "Cost", dependencies: ["Fin", "Sessions"]),
        .testTarget(name: "FinTests", dependencies: ["Fin", "Sessions"] + standInNames),
    ] + standIns
)
