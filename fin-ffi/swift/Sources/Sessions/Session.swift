import Fin
import Foundation

/// One thing that was measured.
public enum Observation: Sendable {
    case gnss(GnssFix)
    case speed(SpeedSample)
    case cells(CellScan)

    /// When, nanoseconds.
    public var timeNs: Int64 {
        switch self {
        case .gnss(let fix): fix.timeNs
        case .speed(let sample): sample.timeNs
        case .cells(let scan): scan.timeNs
        }
    }

    /// Hands it to `engine`.
    @discardableResult
    public func feed(_ engine: FinEngine) async throws -> Estimate? {
        switch self {
        case .gnss(let fix): try await engine.onGnss(fix)
        case .speed(let sample): try await engine.onSpeed(sample)
        case .cells(let scan): try await engine.onCells(scan)
        }
    }
}

/// A recorded session: a folder with a database, the observations, and Rust's answers to them.
public struct Session: Sendable {
    public let folder: URL

    /// The session in `path`, by default where the environment says, or where `prepare` puts it.
    public init(_ path: String? = nil) {
        let environment = ProcessInfo.processInfo.environment["FIN_SESSION"]
        folder = URL(fileURLWithPath: path ?? environment ?? "../prepared/session")
    }

    public func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

    public var database: URL { file("tunnel.fin") }

    public func lines(of name: String) throws -> [String] {
        try String(contentsOf: file(name), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// The observations: a line each, and a line for each cell of a scan.
    public func observations() throws -> [Observation] {
        var found: [Observation] = []
        var lines = try lines(of: "observations.csv").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
            .makeIterator()
        while let fields = lines.next() {
            let timeNs = Int64(fields[1])!
            let numbers = fields.dropFirst(2).map { Double($0) }
            switch fields[0] {
            case "gnss":
                let fix = GnssFix(
                    timeNs: timeNs, latDeg: numbers[0]!, lonDeg: numbers[1]!, accuracyM: numbers[2], speedMps: numbers[3],
                    bearingDeg: numbers[4])
                found.append(.gnss(fix))
            case "speed":
                found.append(.speed(SpeedSample(timeNs: timeNs, speedMps: numbers[0]!)))
            default:
                let cells = (0..<Int(fields[2])!).map { _ in reading(lines.next()!) }
                found.append(.cells(CellScan(timeNs: timeNs, cells: cells)))
            }
        }
        return found
    }
}

private let technologies: [Substring: Rat] = ["lte": .lte, "nr": .nr, "wcdma": .wcdma, "gsm": .gsm]

private func reading(_ fields: [Substring]) -> CellReading {
    CellReading(
        rat: technologies[fields[1]] ?? .unknown, mcc: UInt16(fields[2]), mnc: UInt16(fields[3]), tac: UInt32(fields[4]),
        cellId: UInt64(fields[5]), arfcn: UInt32(fields[6]), pci: UInt16(fields[7]), serving: fields[8] == "1",
        rsrpDbm: Double(fields[9]), rsrqDb: Double(fields[10]))
}
