package fin.example

import fin.CellReading
import fin.CellScan
import fin.Estimate
import fin.FinEngine
import fin.GnssFix
import fin.Rat
import fin.SpeedSample
import java.nio.file.Path
import kotlin.io.path.readLines

/** One thing that was measured. */
sealed interface Observation {
    val timeNs: Long

    /** Hands it to [engine]. */
    fun feed(engine: FinEngine): Estimate?
}

data class Gnss(val fix: GnssFix) : Observation {
    override val timeNs = fix.timeNs

    override fun feed(engine: FinEngine) = engine.onGnss(fix)
}

data class Speed(val sample: SpeedSample) : Observation {
    override val timeNs = sample.timeNs

    override fun feed(engine: FinEngine) = engine.onSpeed(sample)
}

data class Cells(val scan: CellScan) : Observation {
    override val timeNs = scan.timeNs

    override fun feed(engine: FinEngine) = engine.onCells(scan)
}

/** The observations of a recorded session: a line each, and a line for each cell of a scan. */
fun readSession(file: Path): List<Observation> {
    val lines = file.readLines().map { it.split(',') }.iterator()
    return buildList {
        while (lines.hasNext()) {
            val fields = lines.next()
            val timeNs = fields[1].toLong()
            val numbers = fields.drop(2).map { it.toDoubleOrNull() }
            add(
                when (fields[0]) {
                    "gnss" -> Gnss(GnssFix(timeNs, numbers[0]!!, numbers[1]!!, numbers[2], numbers[3], numbers[4]))
                    "speed" -> Speed(SpeedSample(timeNs, numbers[0]!!))
                    else -> Cells(CellScan(timeNs, List(fields[2].toInt()) { reading(lines.next()) }))
                },
            )
        }
    }
}

private fun reading(fields: List<String>) = CellReading(
    rat = Rat.valueOf(fields[1].uppercase()),
    mcc = fields[2].toUShortOrNull(),
    mnc = fields[3].toUShortOrNull(),
    tac = fields[4].toUIntOrNull(),
    cellId = fields[5].toULongOrNull(),
    arfcn = fields[6].toUIntOrNull(),
    pci = fields[7].toUShortOrNull(),
    serving = fields[8] == "1",
    rsrpDbm = fields[9].toDoubleOrNull(),
    rsrqDb = fields[10].toDoubleOrNull(),
)
