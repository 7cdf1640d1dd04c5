package fin.android

import android.location.Location
import android.location.LocationManager
import android.os.SystemClock
import android.telephony.CellIdentityGsm
import android.telephony.CellIdentityLte
import android.telephony.CellIdentityNr
import android.telephony.CellIdentityWcdma
import android.telephony.CellInfo
import android.telephony.CellInfoGsm
import android.telephony.CellInfoLte
import android.telephony.CellInfoNr
import android.telephony.CellInfoWcdma
import android.telephony.CellSignalStrengthGsm
import android.telephony.CellSignalStrengthLte
import android.telephony.CellSignalStrengthNr
import android.telephony.CellSignalStrengthWcdma
import fin.CellReading
import fin.Mode
import fin.Rat
import fin.Sessions
import fin.example.Cells
import fin.example.Gnss
import fin.example.Speed
import java.io.File
import java.nio.file.Files
import kotlin.io.path.readLines
import kotlin.math.abs
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.util.ReflectionHelpers

/** The adapter with the framework's own classes. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], manifest = Config.NONE)
class AdapterTest {
    /** The drive as the phone's classes tell it gives what `fin replay` gives for the drive as it was recorded. */
    @Test
    fun `a tunnel driven with the classes of the phone gives the positions of the command line`() {
        val rows = Sessions.folder.resolve("replay.csv").readLines().drop(1).map { it.split(',') }
        // Several observations of one millisecond have a row each, in their order.
        val want = rows.groupBy { it[0].toLong() }.mapValues { ArrayDeque(it.value) }
        val scans = CellScans()
        var compared = 0
        var inTunnel = 0
        var worstM = 0.0
        Sessions.open().use { engine ->
            for (observation in Sessions.observations) {
                val estimates = when (observation) {
                    is Gnss -> listOf(engine.onGnss(location(observation).toGnssFix()))
                    is Speed -> {
                        val timeMs = observation.timeNs / 1_000_000
                        listOf(engine.onSpeed(speedSample(observation.sample.speedMps.toFloat(), timeMs)!!))
                    }
                    is Cells -> scans.take(observation.scan.cells.map { info(it, observation.timeNs) }).map { engine.onCells(it) }
                }
                for (estimate in estimates.filterNotNull()) {
                    val row = want.getValue(estimate.timeNs / 1_000_000).removeFirst()
                    val location = estimate.toLocation()
                    val errorM = location.distanceTo(at(latDeg = row[1].toDouble(), lonDeg = row[2].toDouble()))
                    worstM = maxOf(worstM, errorM.toDouble())
                    compared += 1
                    if (row[10] == "tunnel") inTunnel += 1
                    assertEquals(row[9], location.extras!!.getString(Extras.TUNNEL) ?: "")
                    assertEquals(row[10], location.extras!!.getString(Extras.MODE)!!.lowercase())
                }
            }
        }
        println("compared $compared estimates, $inTunnel in the tunnel; farthest apart $worstM m")
        assertTrue("only $compared of ${rows.size} rows compared", compared > rows.size / 2)
        assertTrue("only $inTunnel rows in the tunnel", inTunnel > 100)
        // Android keeps speeds and accuracies as 32-bit floats; the command line writes degrees with seven decimals.
        assertTrue("$worstM m", worstM < 0.02)
    }

    @Test
    fun `every technology keeps its identity and level`() {
        for (rat in listOf(Rat.LTE, Rat.NR, Rat.WCDMA, Rat.GSM)) {
            val reading = CellReading(
                rat = rat, mcc = 262u, mnc = 2u, tac = 4001u, cellId = 25604u, arfcn = 1200u, pci = 17u,
                serving = true, rsrpDbm = -85.0, rsrqDb = if (rat == Rat.LTE || rat == Rat.NR) -11.0 else null,
            )
            assertEquals(reading, info(reading, 5_000_000_000).toReading())
        }
    }

    @Test
    fun `what the modem does not know is null`() {
        val identity = CellIdentityLte(CellInfo.UNAVAILABLE, CellInfo.UNAVAILABLE, 0xFFFFFFF, 17, 0xFFFF)
        val neighbour = CellInfoLte().apply {
            cellIdentity = identity
            cellSignalStrength = CellSignalStrengthLte()
        }.toReading()!!
        assertNull(neighbour.mcc)
        assertNull(neighbour.tac)
        assertNull(neighbour.cellId)
        assertNull(neighbour.arfcn)
        assertNull(neighbour.rsrpDbm)
        assertEquals(17.toUShort(), neighbour.pci)
        assertFalse(neighbour.serving)
    }

    @Test
    fun `lists that are handed out again are dropped and two modems make two scans`() {
        val reading = (Sessions.observations.first { it is Cells } as Cells).scan.cells.first()
        fun at(ms: Long) = info(reading, ms * 1_000_000)
        val scans = CellScans()
        assertEquals(1, scans.take(listOf(at(1000), at(1000))).size)
        assertEquals(0, scans.take(listOf(at(1000), at(1000))).size)
        assertEquals(listOf(2000L, 2300L), scans.take(listOf(at(2300), at(2000), at(900))).map { it.timeNs / 1_000_000 })
        assertEquals(0, scans.take(emptyList()).size)
    }

    @Test
    fun `requests slow down while nothing new comes`() {
        val waits = generateSequence(Pace()) { it.after(fresh = false) }.take(12).map { it.wait }.toList()
        assertEquals(Pace.SHORTEST, waits.first())
        assertEquals(Pace.LONGEST, waits.last())
        assertEquals(Pace.SHORTEST, Pace(Pace.LONGEST).after(fresh = true).wait)
    }

    @Test
    fun `an estimate becomes a location with its own time`() = Sessions.open().use { engine ->
        val fix = Sessions.observations.first { it is Gnss } as Gnss
        engine.onGnss(location(fix).toGnssFix())
        val nowNs = fix.timeNs + 2_000_000_000
        SystemClock.setCurrentTimeMillis(nowNs / 1_000_000)
        val provider = FinLocationProvider(engine) { nowNs }
        val location = runBlocking { provider.lastLocation() }!!
        assertEquals(PROVIDER, location.provider)
        assertEquals(nowNs, location.elapsedRealtimeNanos)
        assertEquals(engine.predict(nowNs)!!.accuracyM.toFloat(), location.accuracy)
        assertEquals(Mode.GNSS.name, location.extras!!.getString(Extras.MODE))
        assertTrue(abs(location.latitude - fix.fix.latDeg) < 1e-3)
    }

    @Test
    fun `the state outlives the app and not the phone's restart`() = Sessions.open().use { engine ->
        val file = Files.createTempDirectory("fin").resolve("state").toFile()
        Sessions.observations.take(300).forEach { it.feed(engine) }
        SnapshotFile(file, bootCount = 3).save(engine)
        fun loads(file: File, bootCount: Int): Boolean = Sessions.open().use { SnapshotFile(file, bootCount).load(it) }
        assertTrue(loads(file, bootCount = 3))
        assertFalse(loads(file, bootCount = 4))
        assertFalse(loads(File("nowhere"), bootCount = 3))
        file.writeBytes(file.readBytes().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() })
        assertFalse(loads(file, bootCount = 3))
    }

    @Test
    fun `a car that tells no speed gives no sample`() {
        assertNull(speedSample(null, 1))
        assertNull(speedSample(Float.NaN, 1))
        assertEquals(0.0, speedSample(-1f, 1)!!.speedMps, 0.0)
        assertEquals(7_000_000, speedSample(3f, 7)!!.timeNs)
    }

    private fun at(latDeg: Double, lonDeg: Double) = Location("want").apply {
        latitude = latDeg
        longitude = lonDeg
    }

    private fun location(gnss: Gnss) = Location(LocationManager.GPS_PROVIDER).apply {
        val fix = gnss.fix
        elapsedRealtimeNanos = fix.timeNs
        latitude = fix.latDeg
        longitude = fix.lonDeg
        fix.accuracyM?.let { accuracy = it.toFloat() }
        fix.speedMps?.let { speed = it.toFloat() }
        fix.bearingDeg?.let { bearing = it.toFloat() }
    }

    private fun info(cell: CellReading, timeNs: Long): CellInfo {
        fun number(value: Number?): Int = value?.toInt() ?: CellInfo.UNAVAILABLE
        val (mcc, mnc) = cell.mcc?.toString()?.padStart(3, '0') to cell.mnc?.toString()?.padStart(2, '0')
        val (area, channel, code) = Triple(number(cell.tac?.toInt()), number(cell.arfcn?.toInt()), number(cell.pci?.toInt()))
        val id = number(cell.cellId?.toInt())
        val (level, quality) = number(cell.rsrpDbm) to number(cell.rsrqDb)
        val unknown = CellInfo.UNAVAILABLE
        val info: CellInfo = when (cell.rat) {
            Rat.NR -> CellInfoNr().apply {
                val nci = cell.cellId?.toLong() ?: CellInfo.UNAVAILABLE_LONG
                setCellIdentity(CellIdentityNr(code, area, channel, intArrayOf(), mcc, mnc, nci, null, null, emptyList()))
                // This class alone has no setter for it.
                val signal = CellSignalStrengthNr(unknown, unknown, unknown, level, quality, unknown)
                ReflectionHelpers.setField(this, "mCellSignalStrength", signal)
            }
            Rat.WCDMA -> CellInfoWcdma().apply {
                cellIdentity = CellIdentityWcdma(area, id, code, channel, mcc, mnc, null, null, emptyList(), null)
                cellSignalStrength = CellSignalStrengthWcdma(unknown, unknown, level, unknown)
            }
            Rat.GSM -> CellInfoGsm().apply {
                cellIdentity = CellIdentityGsm(area, id, channel, code, mcc, mnc, null, null, emptyList())
                cellSignalStrength = CellSignalStrengthGsm(level, unknown, unknown)
            }
            else -> CellInfoLte().apply {
                cellIdentity =
                    CellIdentityLte(id, code, area, channel, intArrayOf(), unknown, mcc, mnc, null, null, emptyList(), null)
                cellSignalStrength = CellSignalStrengthLte(unknown, level, quality, unknown, unknown, unknown)
            }
        }
        info.isRegistered = cell.serving
        info.setTimeStamp(timeNs)
        return info
    }
}
