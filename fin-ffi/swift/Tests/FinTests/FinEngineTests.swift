import Fin
import Foundation
import Sessions
import XCTest

#if canImport(CoreLocation)
    import CoreLocation
#endif

final class FinEngineTests: XCTestCase {
    private let session = Session()

    private func open() throws -> FinEngine { try FinEngine(database: session.database) }

    func testASessionGivesTheSameBitsAsInRust() async throws {
        let want = try session.lines(of: "estimates.csv")
        let engine = try open()
        var got: [String] = []
        for observation in try session.observations() { got += try await answers(engine, observation) }
        for mode in ["gnss", "tunnel", "reacquiring"] {
            XCTAssert(want.contains { $0.contains(",\(mode),") }, "the session never comes to mode \(mode)")
        }
        XCTAssertEqual(want.count, got.count)
        for (number, pair) in zip(want, got).enumerated() where pair.0 != pair.1 {
            return XCTFail("line \(number + 1): \(pair.0) is not \(pair.1)")
        }
    }

    func testAKilledAppGoesOnWhereItWas() async throws {
        let observations = try session.observations()
        for cut in [0, observations.count / 3, observations.count / 2] {
            let whole = try open()
            for observation in observations.prefix(cut) { try await observation.feed(whole) }
            let again = try open()
            try await again.restore(try await whole.snapshot())
            for observation in observations.dropFirst(cut).prefix(60) {
                let (want, got) = (try await answers(whole, observation), try await answers(again, observation))
                XCTAssertEqual(want, got)
            }
            let (want, got) = (try await whole.diagnostics(), try await again.diagnostics())
            XCTAssertEqual(want, got)
            let (fits, fitsAgain) = (try await whole.tunnelFits(), try await again.tunnelFits())
            XCTAssertEqual(fits, fitsAgain)
        }
    }

    func testFilesThatAreNoDatabaseAreToldApart() throws {
        func error(_ name: String) -> FinError? {
            do {
                _ = try FinEngine(database: session.file(name))
                return nil
            } catch { return error as? FinError }
        }
        guard case .DatabaseMissing(let missing) = error("nowhere.fin") else { return XCTFail() }
        XCTAssert(missing.contains("there is no database at") && missing.contains("nowhere.fin"), missing)
        guard case .DatabaseVersion(let version) = error("version.fin") else { return XCTFail() }
        XCTAssert(version.contains("got 99"), version)
        guard case .DatabaseCorrupt(let damaged) = error("damaged.fin") else { return XCTFail() }
        XCTAssert(damaged.contains("expected check sum"), damaged)
        guard case .DatabaseCorrupt(let cut) = error("cut.fin") else { return XCTFail() }
        XCTAssert(cut.contains("truncated"), cut)
        XCTAssert(error("cut.fin")!.localizedDescription.contains("truncated"))
    }

    func testDamageToAPartOfTheDatabaseIsToldOnceWhenTheCarComesThere() async throws {
        let engine = try FinEngine(database: session.file("spoilt.fin"))
        let fixes = try session.observations().filter { if case .gnss = $0 { true } else { false } }
        let first = await refusal { try await fixes[0].feed(engine) }
        guard case .DatabaseCorrupt(let text) = first else { return XCTFail("\(String(describing: first))") }
        XCTAssert(text.contains("spoilt.fin") && text.contains("expected digest"), text)
        for fix in fixes[1..<5] { try await fix.feed(engine) }
        let estimate = try await engine.predict(at: 0)
        XCTAssertNil(estimate?.wayId)
    }

    func testSignaturesAreCheckedWhenAKeyIsGiven() async throws {
        let (key, other) = (try session.lines(of: "key.pub")[0], try session.lines(of: "other.pub")[0])
        let engine = try FinEngine(database: session.file("signed.fin"), publicKey: key)
        var got: [String] = []
        for observation in try session.observations() { got += try await answers(engine, observation) }
        XCTAssertEqual(got, try session.lines(of: "estimates.csv"))
        func error(_ name: String, _ publicKey: String) async -> FinError? {
            await refusal { try FinEngine(database: session.file(name), publicKey: publicKey) }
        }
        guard case .DatabaseUnsigned(let unsigned) = await error("tunnel.fin", key) else { return XCTFail() }
        XCTAssert(unsigned.contains("tunnel.fin is not signed") && unsigned.contains(key), unsigned)
        guard case .DatabaseOfOtherKey(let foreign) = await error("signed.fin", other) else { return XCTFail() }
        XCTAssert(foreign.contains(other) && foreign.contains("got one of key \(key)"), foreign)
        guard case .DatabaseAltered(let altered) = await error("altered.fin", key) else { return XCTFail() }
        XCTAssert(altered.contains("altered.fin is not what was signed"), altered)
        guard case .KeyRefused(let text) = await error("signed.fin", "no key") else { return XCTFail() }
        XCTAssert(text.contains("64 hexadecimal digits") && text.contains("6 characters"), text)
    }

    func testObservationsThatCannotBeAreRefusedAndChangeNothing() async throws {
        let engine = try open()
        let nan = await refusal { try await engine.onGnss(fix(100, lat: .nan)) }
        guard case .ValueRefused(let text) = nan else { return XCTFail("\(String(describing: nan))") }
        XCTAssert(text.contains("latitude is NaN") && text.contains("-90 to 90"), text)
        let nothing = try await engine.predict(at: 0)
        XCTAssertNil(nothing)
        try await engine.onGnss(fix(100))
        let before = try await engine.predict(at: 101_000_000_000)
        let late = await refusal { try await engine.onGnss(fix(40)) }
        guard case .TimeBackwards(let text) = late else { return XCTFail("\(String(describing: late))") }
        XCTAssert(text.contains("60.0 s older") && text.contains("at most 5 s"), text)
        let after = try await engine.predict(at: 101_000_000_000)
        XCTAssertEqual(before, after)
    }

    func testSnapshotsThatDoNotFitAreToldApart() async throws {
        let engine = try open()
        let good = try await engine.snapshot()
        func changed(_ index: Int) -> Data {
            var bytes = Data(good)
            bytes[index] &+= 1
            return bytes
        }
        guard case .SnapshotCorrupt = await refusal({ try await engine.restore(Data()) }) else { return XCTFail() }
        guard case .SnapshotVersion = await refusal({ try await engine.restore(changed(8)) }) else { return XCTFail() }
        guard case .SnapshotCorrupt = await refusal({ try await engine.restore(changed(good.count - 1)) }) else { return XCTFail() }
        try await engine.restore(good)
    }

    func testAClosedEngineSaysSoAndEndsItsStreams() async throws {
        let engine = try open()
        let stream = await engine.estimates()
        await engine.close()
        await engine.close()
        for await _ in stream { XCTFail("a closed engine answered") }
        for await _ in engine.every(.milliseconds(1)) { XCTFail("a closed engine answered") }
        guard case .Closed = await refusal({ try await engine.onGnss(fix(1)) }) else { return XCTFail() }
    }

    func testTasksTakeTurns() async throws {
        let engine = try open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for round in 0..<300 {
                        try await engine.onGnss(fix(1000 + Int64((round + worker) % 4)))
                        _ = try await engine.predict(at: 1_010_000_000_000)
                        if round % 50 == worker { try await engine.restore(try await engine.snapshot()) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    func testTheGeneratedClassMayBeCalledFromManyThreads() throws {
        let engine = try Engine.open(path: session.database.path)
        DispatchQueue.concurrentPerform(iterations: 8) { worker in
            for round in 0..<300 {
                _ = try? engine.onGnss(fix: fix(1000 + Int64((round + worker) % 4)))
                _ = try? engine.predict(timeNs: 1_010_000_000_000)
            }
        }
        XCTAssertEqual(try engine.diagnostics().observationsRefused, 0)
    }

    func testEstimatesStreamToThoseWhoListen() async throws {
        let engine = try open()
        var stream = await engine.estimates().makeAsyncIterator()
        var last: Estimate?
        for observation in try session.observations().prefix(50) { last = try await observation.feed(engine) ?? last }
        var heard: Estimate?
        repeat { heard = await stream.next() } while heard != last
        var fresh = await engine.estimates().makeAsyncIterator()
        let first = await fresh.next()
        XCTAssertEqual(first, last)
    }

    func testPredictionsComeAtEveryBeat() async throws {
        let engine = try open()
        try await engine.onGnss(fix(100))
        let beats = engine.every(.milliseconds(5), clock: { 101_000_000_000 })
        var count = 0
        for await estimate in beats {
            XCTAssertEqual(estimate.timeNs, 101_000_000_000)
            count += 1
            if count == 3 { break }
        }
        XCTAssertEqual(count, 3)
    }

    #if canImport(CoreLocation)
        func testLocationsOfCoreLocationAreFixes() async throws {
            let at = Date(timeIntervalSince1970: 1_700_000_000.25)
            func location(accuracy: Double, speed: Double = -1) -> CLLocation {
                CLLocation(
                    coordinate: CLLocationCoordinate2D(latitude: 46, longitude: 8), altitude: 400, horizontalAccuracy: accuracy,
                    verticalAccuracy: 3, course: -1, speed: speed, timestamp: at)
            }
            XCTAssertNil(GnssFix(location(accuracy: -1)))
            let fix = GnssFix(location(accuracy: 5, speed: 20))
            XCTAssertEqual(
                fix,
                GnssFix(timeNs: 1_700_000_000_250_000_000, latDeg: 46, lonDeg: 8, accuracyM: 5, speedMps: 20, bearingDeg: nil))
            let engine = try open()
            let estimate = try await engine.onLocations([location(accuracy: -1), location(accuracy: 5)])
            let back = try XCTUnwrap(estimate).location
            XCTAssertEqual(back.timestamp.timeIntervalSince(at), 0, accuracy: 1e-6)
            XCTAssertEqual(back.horizontalAccuracy, try XCTUnwrap(estimate).accuracyM)
            XCTAssertEqual(back.course, -1)
        }
    #endif
}

private func fix(_ timeS: Int64, lat: Double = 46) -> GnssFix {
    GnssFix(timeNs: timeS * 1_000_000_000, latDeg: lat, lonDeg: 8, accuracyM: 4, speedMps: 20, bearingDeg: nil)
}

private func refusal<T>(_ call: () async throws -> T) async -> FinError? {
    do {
        _ = try await call()
        return nil
    } catch { return error as? FinError }
}

/// What `engine` answers to `observation` and half a second later, floats as their bits.
private func answers(_ engine: FinEngine, _ observation: Observation) async throws -> [String] {
    let stepped = try await observation.feed(engine)
    let ahead = try await engine.predict(at: observation.timeNs + 500_000_000)
    return [stepped, ahead].compactMap { $0 }.map(line)
}

private func line(_ e: Estimate) -> String {
    func bits(_ value: Double?) -> String {
        value.map {
            let digits = String($0.bitPattern, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        } ?? ""
    }
    let mode =
        switch e.mode {
        case .gnss: "gnss"
        case .tunnel: "tunnel"
        case .deadReckoning: "dead_reckoning"
        case .reacquiring: "reacquiring"
        }
    let fields = [
        String(e.timeNs), bits(e.latDeg), bits(e.lonDeg), bits(e.accuracyM), bits(e.accuracy95M), bits(e.speedMps),
        bits(e.bearingDeg), e.wayId.map { String($0) } ?? "", bits(e.offsetM), e.tunnel ?? "", mode, bits(e.branchProbability),
    ]
    return fields.joined(separator: ",")
}
