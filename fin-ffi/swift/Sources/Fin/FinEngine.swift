import Foundation

/// Where the car is, from what the phone and the car measure: the engine on one fingerprint database.
///
/// All observations carry times of one clock, in nanoseconds; with CoreLocation that is Unix time. An estimate is `nil` where there
/// is no answer. What fails throws a `FinError` of the case that says why.
public actor FinEngine {
    private let engine: Engine
    private var listeners: [UUID: AsyncStream<Estimate>.Continuation] = [:]
    private var latest: Estimate?
    private var isClosed = false

    /// An engine on the database file at `database` that knows nothing of the car yet. Reads the table of contents, a few milliseconds for a
    /// country, and keeps the file open. With a `publicKey`, 64 hexadecimal digits as `fin keygen` writes them, the file has to be
    /// signed with it, and so is all that is read of it later.
    ///
    /// - Throws: `FinError.DatabaseMissing`, `.DatabaseUnreadable`, `.DatabaseVersion` or `.DatabaseCorrupt`; with a key
    ///   `.DatabaseUnsigned`, `.DatabaseOfOtherKey`, `.DatabaseAltered` or `.KeyRefused` as well.
    public init(database: URL, publicKey: String? = nil) throws {
        engine =
            if let publicKey {
                try Engine.openSigned(path: database.path, publicKey: publicKey)
            } else {
                try Engine.open(path: database.path)
            }
    }

    /// Takes a GNSS fix. Returns the estimate at the latest time seen when the fix changed it, `nil` when it changed nothing.
    ///
    /// Observations may come in any mix, repeated, and up to 5 s late.
    ///
    /// - Throws: `FinError.ValueRefused` for a value that is not a number or out of range, `.TimeBackwards` for a fix more than 5 s
    ///   older than something seen before, `.Closed`; the engine is unchanged. `.DatabaseCorrupt` or `.DatabaseUnreadable`, once, when the
    ///   part of the database around the fix is damaged or cannot be read any more; the engine goes on without roads there. That part
    ///   is read with the fix with which the car comes there, which takes some ten milliseconds.
    @discardableResult
    public func onGnss(_ fix: GnssFix) throws -> Estimate? { publish(try engine.onGnss(fix: fix)) }

    /// Takes a wheel speed; otherwise as ``onGnss(_:)``.
    @discardableResult
    public func onSpeed(_ sample: SpeedSample) throws -> Estimate? { publish(try engine.onSpeed(sample: sample)) }

    /// Takes a cell scan; otherwise as ``onGnss(_:)``. iOS gives apps none: scans come from a modem of the car or of a device.
    @discardableResult
    public func onCells(_ scan: CellScan) throws -> Estimate? { publish(try engine.onCells(scan: scan)) }

    /// The estimate at `timeNs`, or `nil` while nothing is known. Changes nothing.
    public func predict(at timeNs: Int64) throws -> Estimate? { try engine.predict(timeNs: timeNs) }

    /// The estimates that observations change from now on, the latest first. Ends when the engine is closed. Who reads slowly
    /// misses the older ones.
    public func estimates() -> AsyncStream<Estimate> {
        let (stream, continuation) = AsyncStream.makeStream(of: Estimate.self, bufferingPolicy: .bufferingNewest(64))
        guard !isClosed else {
            continuation.finish()
            return stream
        }
        let id = UUID()
        listeners[id] = continuation
        continuation.onTermination = { [weak self] _ in Task { await self?.forget(id) } }
        if let latest { continuation.yield(latest) }
        return stream
    }

    /// The estimate at every `interval`, at the time that `clock` tells: what a map needs to move the car evenly. Nothing comes
    /// while nothing is known; the stream ends when the engine is closed.
    public nonisolated func every(
        _ interval: Duration = .seconds(1), clock: @escaping @Sendable () -> Int64 = FinEngine.unixTimeNs
    ) -> AsyncStream<Estimate> {
        let (stream, continuation) = AsyncStream.makeStream(of: Estimate.self, bufferingPolicy: .bufferingNewest(1))
        let beat = Task { [weak self] in
            while let self, let estimate = try? await self.beat(at: clock()) {
                if let estimate { continuation.yield(estimate) }
                guard (try? await Task.sleep(for: interval)) != nil else { break }
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in beat.cancel() }
        return stream
    }

    /// What the engine remembers, for ``restore(_:)`` after the app was killed: some hundred bytes outside, up to 0.5 MB in a tunnel, more in one of many branches.
    public func snapshot() throws -> Data { try engine.snapshot() }

    /// Puts the engine where it was when ``snapshot()`` wrote these bytes: it goes on as if it had never stopped.
    ///
    /// - Throws: `FinError.SnapshotVersion`, `.SnapshotOfOtherDatabase` or `.SnapshotCorrupt`, or `.DatabaseCorrupt` when the part of the
    ///   database that they speak of is damaged; the engine is unchanged.
    public func restore(_ snapshot: Data) throws { try engine.restore(snapshot: snapshot) }

    /// Counts of what came in and what became of it.
    public func diagnostics() throws -> Diagnostics { try engine.diagnostics() }

    /// How what was heard in each tunnel fits its surveys: what tells a survey team which tunnels to drive again.
    public func tunnelFits() throws -> [TunnelFit] { try engine.tunnelFits() }

    /// Gives the memory back and ends all streams. Calls that come later throw `FinError.Closed`.
    public func close() {
        isClosed = true
        engine.shutdown()
        for listener in listeners.values { listener.finish() }
        listeners = [:]
    }

    deinit {
        for listener in listeners.values { listener.finish() }
    }

    /// Nanoseconds since 1970, the clock of CoreLocation.
    public static let unixTimeNs: @Sendable () -> Int64 = { Date().unixTimeNs }

    /// An optional in an optional would be flattened by `try?`; a closed engine throws, an ignorant one gives `.some(nil)`.
    private func beat(at timeNs: Int64) throws -> Estimate?? { .some(try predict(at: timeNs)) }

    private func publish(_ estimate: Estimate?) -> Estimate? {
        guard let estimate else { return nil }
        latest = estimate
        for listener in listeners.values { listener.yield(estimate) }
        return estimate
    }

    private func forget(_ id: UUID) { listeners[id] = nil }
}

extension Date {
    /// The same instant on the clock of observations, to the microsecond: `Date` is not finer than that today.
    public var unixTimeNs: Int64 { Int64((timeIntervalSince1970 * 1e6).rounded()) * 1000 }

    /// The instant `timeNs` of observations.
    public init(unixTimeNs timeNs: Int64) { self.init(timeIntervalSince1970: Double(timeNs) / 1e9) }
}
