package fin.example

import fin.FinEngine
import fin.Mode
import java.nio.file.Path
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.yield

/** Replays a recorded drive and prints where the car was while it was in the tunnel: `FirstDrive [FOLDER]`. */
fun main(arguments: Array<String>) = runBlocking {
    val session = Path.of(arguments.firstOrNull() ?: "../prepared/session")
    FinEngine.open(session.resolve("tunnel.fin")).use { engine ->
        val printer = launch {
            var printedNs = 0L
            engine.estimates.collect { estimate ->
                if (estimate.mode == Mode.GNSS || estimate.timeNs < printedNs + 5_000_000_000) return@collect
                printedNs = estimate.timeNs
                println(
                    "%.5f %.5f ± %2.0f m  %s  %4.0f m along way %d, this branch %3.0f %%".format(
                        estimate.latDeg, estimate.lonDeg, estimate.accuracyM, estimate.tunnel ?: "outside",
                        estimate.offsetM, estimate.wayId, 100 * estimate.branchProbability,
                    ),
                )
            }
        }
        for (observation in readSession(session.resolve("observations.csv"))) {
            observation.feed(engine)
            yield()
        }
        printer.cancel()
        println(engine.diagnostics())
    }
}
