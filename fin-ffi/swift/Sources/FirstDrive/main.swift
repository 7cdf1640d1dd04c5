// Replays a recorded drive and prints where the car was while it was in the tunnel: FirstDrive [FOLDER]
import Fin
import Foundation
import Sessions

let session = Session(CommandLine.arguments.dropFirst().first)
let engine = try FinEngine(database: session.database)
var printedNs: Int64 = 0
for observation in try session.observations() {
    guard let estimate = try await observation.feed(engine), estimate.mode != .gnss,
        estimate.timeNs >= printedNs + 5_000_000_000
    else { continue }
    printedNs = estimate.timeNs
    print(
        String(
            format: "%.5f %.5f ± %2.0f m  %@  %4.0f m along way %lld, this branch %3.0f %%", estimate.latDeg, estimate.lonDeg,
            estimate.accuracyM, estimate.tunnel ?? "outside", estimate.offsetM ?? 0, estimate.wayId ?? 0,
            100 * estimate.branchProbability))
}
print(try await engine.diagnostics())
await engine.close()
