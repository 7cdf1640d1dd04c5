package fin

import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.SharedFlow
import kotlinx.coroutines.flow.asSharedFlow
import kotlinx.coroutines.flow.flow

/**
 * Where the car is, from what the phone and the car measure: the engine on one fingerprint database.
 *
 * May be used from any thread; calls take turns and block for a few milliseconds at most, but for the fix with which the car comes to
 * another part of the database: that part is read from the file then, which takes some ten. All observations carry times of one
 * clock, in nanoseconds; on Android that is `SystemClock.elapsedRealtimeNanos`.
 *
 * An estimate is `null` where there is no answer. What fails throws a [FinException] of the kind that says why.
 */
class FinEngine private constructor(private val engine: Engine) : AutoCloseable {
    private val changes =
        MutableSharedFlow<Estimate>(replay = 1, extraBufferCapacity = 64, onBufferOverflow = BufferOverflow.DROP_OLDEST)

    /** The estimates that observations changed, from any of the `on…` calls; a new collector gets the latest first. */
    val estimates: SharedFlow<Estimate> = changes.asSharedFlow()

    /**
     * Takes a GNSS fix. Returns the estimate at the latest time seen when the fix changed it, `null` when it changed nothing.
     *
     * Observations may come in any mix, repeated, and up to 5 s late.
     *
     * @throws FinException.ValueRefused a value is not a number or out of range; the engine is unchanged
     * @throws FinException.TimeBackwards the fix is more than 5 s older than something seen before; the engine is unchanged
     * @throws FinException.DatabaseCorrupt the part of the database around the fix is damaged; this is thrown once, and the engine
     *   goes on without roads there
     * @throws FinException.DatabaseUnreadable that part cannot be read any more; likewise
     */
    fun onGnss(fix: GnssFix): Estimate? = publish(engine.onGnss(fix))

    /** Takes a wheel speed; otherwise as [onGnss]. */
    fun onSpeed(sample: SpeedSample): Estimate? = publish(engine.onSpeed(sample))

    /** Takes a cell scan; otherwise as [onGnss]. */
    fun onCells(scan: CellScan): Estimate? = publish(engine.onCells(scan))

    /** The estimate at [timeNs], or `null` while nothing is known. Changes nothing. */
    fun predict(timeNs: Long): Estimate? = engine.predict(timeNs)

    /**
     * The estimate at every [interval], at the time that [clock] tells, for as long as it is collected: what a map needs to move
     * the car evenly. Nothing is emitted while nothing is known; the flow ends when the engine is closed.
     */
    fun every(interval: Duration = 1.seconds, clock: () -> Long): Flow<Estimate> = flow {
        while (true) {
            val estimate = try {
                predict(clock())
            } catch (_: FinException.Closed) {
                return@flow
            }
            estimate?.let { emit(it) }
            delay(interval)
        }
    }

    /** What the engine remembers, for [restore] after the app was killed: some hundred bytes outside, up to 0.5 MB in a tunnel, more in one of many branches. */
    fun snapshot(): ByteArray = engine.snapshot()

    /**
     * Puts the engine where it was when [snapshot] wrote these bytes: it goes on as if it had never stopped.
     *
     * @throws FinException.SnapshotVersion another version of this library wrote them
     * @throws FinException.SnapshotOfOtherDatabase they belong to another database
     * @throws FinException.SnapshotCorrupt they are damaged
     * @throws FinException.DatabaseCorrupt the part of the database that they speak of is damaged
     */
    fun restore(snapshot: ByteArray) = engine.restore(snapshot)

    /** Counts of what came in and what became of it. */
    fun diagnostics(): Diagnostics = engine.diagnostics()

    /** How what was heard in each tunnel fits its surveys: what tells a survey team which tunnels to drive again. */
    fun tunnelFits(): List<TunnelFit> = engine.tunnelFits()

    /** Gives the memory back. Calls that come later throw [FinException.Closed]; closing again does nothing. */
    override fun close() = engine.shutdown()

    private fun publish(estimate: Estimate?): Estimate? = estimate?.also { changes.tryEmit(it) }

    companion object {
        /**
         * An engine on the database file [database] that knows nothing of the car yet. Reads the table of contents, a few
         * milliseconds for a country, and keeps the file open. With a [publicKey], 64 hexadecimal digits as `fin keygen` writes them,
         * the file has to be signed with it, and so is all that is read of it later.
         *
         * @throws FinException.DatabaseMissing there is no such file
         * @throws FinException.DatabaseUnreadable the system does not let it be read
         * @throws FinException.DatabaseVersion the file is of another version
         * @throws FinException.DatabaseCorrupt the file is damaged, or no database
         * @throws FinException.DatabaseUnsigned a key was given, and the file is not signed
         * @throws FinException.DatabaseOfOtherKey the file is signed with another key
         * @throws FinException.DatabaseAltered the file was changed after it was signed
         * @throws FinException.KeyRefused [publicKey] is no key
         */
        fun open(database: Path, publicKey: String? = null): FinEngine {
            val path = database.toString()
            return FinEngine(if (publicKey == null) Engine.open(path) else Engine.openSigned(path, publicKey))
        }
    }
}
