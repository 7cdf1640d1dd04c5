package fin

import fin.example.Cells
import fin.example.Gnss
import java.nio.file.Files
import java.nio.file.Path

/**
 * What a call costs: the median and the 99th percentile of `onCells` with 9 cells, memory over 100,000 calls, and over engines
 * that nobody closes.
 */
fun main() {
    val observations = Sessions.observations
    val driven = observations.take(observations.size / 2)
    val template = driven.filterIsInstance<Cells>().last { it.scan.cells.size >= 5 }.scan.cells
    val startNs = driven.maxOf { it.timeNs }
    val engine = Sessions.open()
    driven.forEach { it.feed(engine) }
    check(engine.predict(startNs)?.mode == Mode.TUNNEL) { "the middle of the session is not in the tunnel" }
    val inTunnel = engine.snapshot()

    fun scan(index: Int): CellScan {
        val timeNs = startNs + (1 + index % 30) * 1_000_000_000L
        val cells = List(9) { number ->
            val cell = template[number % template.size]
            val level = (cell.rsrpDbm ?: -100.0) - ((timeNs / 1_000_000_000 + number) % 3).toDouble()
            cell.copy(serving = cell.serving && number < template.size, rsrpDbm = level)
        }
        return CellScan(timeNs, cells)
    }

    fun times(calls: Int): LongArray {
        val took = LongArray(calls) { index ->
            // Half a minute over and over, so that the car stays in the tunnel.
            if (index % 30 == 0) engine.restore(inTunnel)
            val scan = scan(index)
            val before = System.nanoTime()
            engine.onCells(scan)
            System.nanoTime() - before
        }
        took.sort()
        return took
    }

    times(20_000)
    val took = times(20_000)
    println("onCells: median %.1f µs, 99 %% %.1f µs".format(took[took.size / 2] / 1e3, took[took.size * 99 / 100] / 1e3))
    val before = residentKb()
    times(100_000)
    println("resident before and after 100,000 calls: $before kB, ${residentKb()} kB")
    // In rounds: engines are small to the collector, which takes its time when nobody presses it.
    val rounds = List(10) {
        repeat(200) { driven.filterIsInstance<Gnss>().first().feed(Sessions.open()) }
        settle()
        residentKb()
    }
    println("resident after each of 10 rounds of 200 engines that nobody closed: $rounds kB")
}

/** Lets the collector find what nobody holds and the cleaner free it. */
private fun settle() = repeat(5) {
    System.gc()
    Thread.sleep(200)
}

private fun residentKb(): Long =
    Files.readAllLines(Path.of("/proc/self/status")).first { it.startsWith("VmRSS:") }.filter(Char::isDigit).toLong()
