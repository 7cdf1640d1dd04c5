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
let driven = observations.prefix(observations.count / 2)
let template = driven.compactMap { if case .cells(let scan) = $0, scan.cells.count >= 5 { scan.cells } else { nil } }.last!
let startNs = driven.map(\.timeNs).max()!
// With the actor around it, as an app calls it, and without, as generated.
let engine = try FinEngine(database: session.database)
for observation in driven { try await observation.feed(engine) }
guard try await engine.predict(at: startNs)?.mode == .tunnel else { fatalError("the session's middle is not in the tunnel") }
let inTunnel = try await engine.snapshot()
let plain = try Engine.open(path: session.database.path)

func times(_ calls: Int, _ call: (CellScan) async throws -> Estimate?) async throws -> (Double, Double) {
    var took: [Double] = []
    took.reserveCapacity(calls)
    let clock = ContinuousClock()
    for index in 0..<calls {
        // Half a minute over and over, so that the car stays in the tunnel.
        if index % 30 == 0 {
            try await engine.restore(inTunnel)
            try plain.restore(snapshot: inTunnel)
        }
        let scan = nineCells(template, at: startNs + Int64(1 + index % 30) * 1_000_000_000)
        let before = clock.now
        _ = try await call(scan)
        let took1 = (clock.now - before).components
        took.append(Double(took1.attoseconds) / 1e12 + Double(took1.seconds) * 1e6)
    }
    took.sort()
    return (took[took.count / 2], took[took.count * 99 / 100])
}

_ = try await times(20_000) { try plain.onCells(scan: $0) }
let generated = try await times(20_000) { try plain.onCells(scan: $0) }
let actor = try await times(20_000) { try await engine.onCells($0) }
print(String(format: "onCells, generated class: median %.1f µs, 99 %% %.1f µs", generated.0, generated.1))
print(String(format: "onCells, actor: median %.1f µs, 99 %% %.1f µs", actor.0, actor.1))
let before = residentKb()
_ = try await times(100_000) { try await engine.onCells($0) }
print("resident before and after 100,000 calls: \(before) kB, \(residentKb()) kB")
let few = residentKb()
let first = driven.first { if case .gnss = $0 { true } else { false } }!
for _ in 0..<200 { try await first.feed(try FinEngine(database: session.database)) }
print("resident before and after 200 engines that nobody closed: \(few) kB, \(residentKb()) kB")
