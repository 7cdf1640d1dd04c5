package fin

import fin.example.Gnss
import java.nio.file.Path
import java.util.concurrent.Callable
import java.util.concurrent.Executors
import kotlin.io.path.readLines
import kotlin.io.path.readText
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.test.testTimeSource
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class FinEngineTest {
    @Test
    fun `a session gives the same bits as in Rust`() {
        val want = Sessions.folder.resolve("estimates.csv").readLines()
        val got = Sessions.open().use { engine -> Sessions.observations.flatMap { Sessions.answers(engine, it) } }
        for (mode in listOf("gnss", "tunnel", "reacquiring")) {
            assertTrue(want.any { ",$mode," in it }, "the session never comes to mode $mode")
        }
        assertEquals(want.size, got.size)
        want.zip(got).forEachIndexed { index, (want, got) -> assertEquals(want, got, "line ${index + 1}") }
    }

    @Test
    fun `a killed app goes on where it was`() {
        val observations = Sessions.observations
        Sessions.open().use { whole ->
            for (cut in listOf(0, observations.size / 3, observations.size / 2, observations.size - 1)) {
                Sessions.open().use { first ->
                    observations.take(cut).forEach { it.feed(first) }
                    whole.restore(first.snapshot())
                }
                Sessions.open().use { again ->
                    again.restore(whole.snapshot())
                    for (observation in observations.drop(cut).take(60)) {
                        assertEquals(Sessions.answers(whole, observation), Sessions.answers(again, observation))
                    }
                    assertEquals(whole.diagnostics(), again.diagnostics())
                    assertEquals(whole.tunnelFits(), again.tunnelFits())
                }
            }
        }
    }

    @Test
    fun `files that are no database are told apart`() {
        fun open(name: String) = FinEngine.open(Sessions.folder.resolve(name)).close()
        says(assertThrows<FinException.DatabaseMissing> { open("nowhere.fin") }, "there is no database at", "nowhere.fin")
        says(assertThrows<FinException.DatabaseVersion> { open("version.fin") }, "version.fin", "got 99")
        says(assertThrows<FinException.DatabaseCorrupt> { open("damaged.fin") }, "damaged.fin", "expected check sum")
        says(assertThrows<FinException.DatabaseCorrupt> { open("cut.fin") }, "cut.fin", "truncated")
        says(assertThrows<FinException.DatabaseCorrupt> { open("observations.csv") }, "not a fingerprint database")
        says(assertThrows<FinException.DatabaseUnreadable> { FinEngine.open(Path.of("/")).close() }, "cannot read database /")
    }

    @Test
    fun `damage to a part of the database is told once when the car comes there`() =
        FinEngine.open(Sessions.folder.resolve("spoilt.fin")).use { engine ->
            val fixes = Sessions.observations.filterIsInstance<Gnss>().take(5).map { it.fix }
            says(assertThrows<FinException.DatabaseCorrupt> { engine.onGnss(fixes[0]) }, "spoilt.fin", "expected digest")
            fixes.drop(1).forEach { engine.onGnss(it) }
            assertNull(engine.predict(0)?.wayId)
        }

    @Test
    fun `signatures are checked when a key is given`() {
        val key = Sessions.folder.resolve("key.pub").readText()
        fun open(name: String, publicKey: String = key) = FinEngine.open(Sessions.folder.resolve(name), publicKey)
        open("signed.fin").use { engine ->
            val got = Sessions.observations.flatMap { Sessions.answers(engine, it) }
            assertEquals(Sessions.folder.resolve("estimates.csv").readLines(), got)
        }
        val other = Sessions.folder.resolve("other.pub").readText()
        says(assertThrows<FinException.DatabaseUnsigned> { open("tunnel.fin") }, "tunnel.fin is not signed", key.trim())
        says(assertThrows<FinException.DatabaseOfOtherKey> { open("signed.fin", other) }, other.trim(), "got one of key ${key.trim()}")
        says(assertThrows<FinException.DatabaseAltered> { open("altered.fin") }, "altered.fin is not what was signed")
        says(assertThrows<FinException.KeyRefused> { open("signed.fin", "no key") }, "64 hexadecimal digits", "6 characters")
    }

    @Test
    fun `observations that cannot be are refused and change nothing`() = Sessions.open().use { engine ->
        assertNull(engine.predict(0))
        says(assertThrows<FinException.ValueRefused> { engine.onGnss(fix(100, lat = Double.NaN)) }, "latitude is NaN", "-90 to 90")
        says(assertThrows<FinException.ValueRefused> { engine.onSpeed(SpeedSample(0, -3.0)) }, "wheel speed is -3", "0 to 150")
        assertNull(engine.predict(0))
        engine.onGnss(fix(100))
        val before = engine.predict(101_000_000_000)
        says(assertThrows<FinException.TimeBackwards> { engine.onGnss(fix(40)) }, "60.0 s older", "at most 5 s")
        assertEquals(before, engine.predict(101_000_000_000))
        assertEquals(3UL, engine.diagnostics().observationsRefused)
    }

    @Test
    fun `snapshots that do not fit are told apart`() = Sessions.open().use { engine ->
        val good = engine.snapshot()
        fun changed(at: Int) = good.clone().also { it[at] = (it[at] + 1).toByte() }
        says(assertThrows<FinException.SnapshotCorrupt> { engine.restore(ByteArray(0)) }, "not a snapshot")
        says(assertThrows<FinException.SnapshotVersion> { engine.restore(changed(8)) }, "expected snapshot version")
        says(assertThrows<FinException.SnapshotCorrupt> { engine.restore(changed(good.size - 1)) }, "check sum")
        engine.restore(good)
    }

    @Test
    fun `a closed engine says so`() {
        val engine = Sessions.open()
        engine.close()
        engine.close()
        says(assertThrows<FinException.Closed> { engine.onGnss(fix(1)) }, "shut down")
        assertThrows<FinException.Closed> { engine.predict(0) }
        assertThrows<FinException.Closed> { engine.snapshot() }
    }

    @Test
    fun `threads take turns`() = Sessions.open().use { engine ->
        val pool = Executors.newFixedThreadPool(8)
        val work = List(8) { worker ->
            Callable {
                repeat(300) { round ->
                    engine.onGnss(fix(1000L + (round + worker) % 4))
                    engine.predict(1_010_000_000_000)
                    if (round % 50 == worker) engine.restore(engine.snapshot())
                }
            }
        }
        pool.invokeAll(work).forEach { it.get() }
        pool.shutdown()
    }

    @Test
    fun `estimates flow to those who collect`() = runTest {
        Sessions.open().use { engine ->
            val answers = Sessions.observations.take(200).mapNotNull { it.feed(engine) }
            assertEquals(answers.last(), engine.estimates.first())
        }
    }

    @OptIn(ExperimentalCoroutinesApi::class)
    @Test
    fun `predictions come at every beat until the engine is closed`() = runTest {
        val engine = Sessions.open()
        val start = testTimeSource.markNow()
        val clock = { 100_000_000_000 + start.elapsedNow().inWholeNanoseconds }
        engine.onGnss(fix(100))
        val beats = engine.every(1.seconds, clock).take(3).toList()
        assertEquals(listOf(100L, 101L, 102L), beats.map { it.timeNs / 1_000_000_000 })
        engine.close()
        assertEquals(emptyList<Estimate>(), engine.every(1.seconds, clock).toList())
    }

    private fun fix(timeS: Long, lat: Double = 46.0) = GnssFix(timeS * 1_000_000_000, lat, 8.0, 4.0, 20.0, null)

    private fun says(error: FinException, vararg parts: String) =
        parts.forEach { assertTrue(it in error.message.orEmpty(), "$it is not in ${error.message}") }
}
