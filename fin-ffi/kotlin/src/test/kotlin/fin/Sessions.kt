package fin

import fin.example.Observation
import fin.example.readSession
import java.nio.file.Path

/** The session that `prepare` recorded, and Rust's answers to it. */
object Sessions {
    val folder: Path = Path.of(System.getProperty("fin.session") ?: "../prepared/session")
    val observations: List<Observation> by lazy { readSession(folder.resolve("observations.csv")) }

    fun open(): FinEngine = FinEngine.open(folder.resolve("tunnel.fin"))

    /** What [engine] answers to [observation] and half a second later, floats as their bits. */
    fun answers(engine: FinEngine, observation: Observation): List<String> =
        listOfNotNull(observation.feed(engine), engine.predict(observation.timeNs + 500_000_000)).map(::line)

    private fun line(e: Estimate): String = listOf(
        e.timeNs, bits(e.latDeg), bits(e.lonDeg), bits(e.accuracyM), bits(e.accuracy95M), bits(e.speedMps), bits(e.bearingDeg),
        e.wayId ?: "", bits(e.offsetM), e.tunnel ?: "", e.mode.name.lowercase(), bits(e.branchProbability),
    ).joinToString(",")

    private fun bits(value: Double?): String =
        value?.let { it.toRawBits().toULong().toString(16).padStart(16, '0') } ?: ""
}
