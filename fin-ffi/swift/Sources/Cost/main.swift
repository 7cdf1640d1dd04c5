// What a call costs: the median and the 99th percentile of onCells with 9 cells, memory over 100,000 calls, and over engines that
// nobody closes. Cost [FOLDER]
import Fin
import Foundation
import Sessions

let session = Session(CommandLine.arguments.dropFirst().first)

func residentKb() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
}

/// A scan of nine cells, a second after the last one: the first of the session with its cells repeated on other codes.
func nineCells(_ template: [CellReading], at timeNs: Int64) -> CellScan {
    let cells = (0..<9).map { index -> CellReading in
        let cell = template[index % template.count]
        let level = (cell.rsrpDbm ?? -100) - Double((Int(timeNs / 1_000_000_000) + index) % 3)
        return CellReading(
            rat: cell.rat, mcc: cell.mcc, mnc: cell.mnc, tac: cell.tac, cellId: cell.cellId, arfcn: cell.arfcn, pci: cell.pci,
            serving: cell.serving && index < template.count, rsrpDbm: level, rsrqDb: cell.rsrqDb)
    }
    return CellScan(timeNs: timeNs, cells: cells)
}

let observations = try session.observations()
let entry = observations.firstIndex { if case .cells(let scan) = $0 { scan.cells.count >= 5 } else { false } }!
guard case .cells(let template) = observations[entry] else { fatalError() }
// Under the actor, as an app calls it, and without, as the generated class does.
let engine = try FinEngine(database: session.database)
let plain = try Engine.open(path: session.database.path)
var fixes = 0
for observation in observations.prefix(entry + 40) {
    try await observation.feed(engine)
    if case .gnss(let fix) = observation {
        _ = try plain.onGnss(fix: fix)
        fixes += 1
    }
}
let startNs = observations[entry + 40].timeNs

func times(_ calls: Int, _ call: (CellScan) async throws -> Estimate?) async rethrows -> (Double, Double) {
    var took: [Double] = []
    took.reserveCapacity(calls)
    let clock = ContinuousClock()
    for index in 0..<calls {
        let scan = nineCells(template.cells, at: startNs + Int64(index % 30 + index / 30) * 1_000_000_000)
        let before = clock.now
        _ = try await call(scan)
        let took1 = (clock.now - before).components
        took.append(Double(took1.attoseconds) / 1e12 + Double(took1.seconds) * 1e6)
    }
    took.sort()
    return (took[took.count / 2], took[took.count * 99 / 100])
}

print("fixes \(fixes)")
_ = try await times(2000) { try plain.onCells(scan: $0) }
let generated = try await times(2000) { try plain.onCells(scan: $0) }
let actor = try await times(2000) { try await engine.onCells($0) }
print(String(format: "onCells, generated class: median %.1f µs, 99 %% %.1f µs", generated.0, generated.1))
print(String(format: "onCells, actor: median %.1f µs, 99 %% %.1f µs", actor.0, actor.1))
let before = residentKb()
_ = try await times(100_000) { try await engine.onCells($0) }
print("resident before and after 100,000 calls: \(before) kB, \(residentKb()) kB")
let few = residentKb()
for _ in 0..<200 { _ = try FinEngine(database: session.database) }
print("resident before and after 200 engines that nobody closed: \(few) kB, \(residentKb()) kB")
