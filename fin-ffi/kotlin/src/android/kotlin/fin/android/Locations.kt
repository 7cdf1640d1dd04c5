package fin.android

import android.location.Location
import android.os.Bundle
import android.os.SystemClock
import fin.Estimate
import fin.GnssFix
import fin.SpeedSample
import java.util.concurrent.TimeUnit

/** `Location.getProvider` of estimates. */
const val PROVIDER = "fin"

/** Names of the extras of an estimate as a [Location]. */
object Extras {
    /** Half-width of the 95 % interval along the road, metres: `Double`. */
    const val ACCURACY95_M = "fin.accuracy95M"

    /** What the estimate rests on, the name of a [fin.Mode]: `String`. */
    const val MODE = "fin.mode"

    /** Probability of this road against other branches: `Double`. */
    const val BRANCH_PROBABILITY = "fin.branchProbability"

    /** Name of the tunnel, absent in the open: `String`. */
    const val TUNNEL = "fin.tunnel"

    /** Id of the way in the road file, absent off the roads: `Long`. */
    const val WAY_ID = "fin.wayId"

    /** Distance along the way, absent off the roads: `Double`. */
    const val OFFSET_M = "fin.offsetM"
}

/** The fix that a location of `LocationManager.GPS_PROVIDER` is. A fused location is none: it has cells and speed in it already. */
fun Location.toGnssFix() = GnssFix(
    timeNs = elapsedRealtimeNanos,
    latDeg = latitude,
    lonDeg = longitude,
    accuracyM = if (hasAccuracy()) accuracy.toDouble() else null,
    speedMps = if (hasSpeed()) speed.toDouble() else null,
    bearingDeg = if (hasBearing()) bearing.toDouble() else null,
)

/**
 * The estimate as a location: 68 % accuracy, as Android has it, `elapsedRealtimeNanos` of the estimate, and the wall clock that
 * belongs to it. [Extras] has what a location has no field for.
 */
fun Estimate.toLocation() = Location(PROVIDER).also { location ->
    val ageNs = SystemClock.elapsedRealtimeNanos() - timeNs
    location.elapsedRealtimeNanos = timeNs
    location.time = System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(ageNs)
    location.latitude = latDeg
    location.longitude = lonDeg
    location.accuracy = accuracyM.toFloat()
    speedMps?.let { location.speed = it.toFloat() }
    bearingDeg?.let { location.bearing = it.toFloat() }
    location.extras = Bundle().apply {
        putDouble(Extras.ACCURACY95_M, accuracy95M)
        putString(Extras.MODE, mode.name)
        putDouble(Extras.BRANCH_PROBABILITY, branchProbability)
        tunnel?.let { putString(Extras.TUNNEL, it) }
        wayId?.let { putLong(Extras.WAY_ID, it) }
        offsetM?.let { putDouble(Extras.OFFSET_M, it) }
    }
}

/**
 * The wheel speed in a reading of the car: `CarValue.getValue` and `getTimestampMillis` of `Speed.getRawSpeedMetersPerSecond` (Car
 * App Library), or a reading of an OBD2 adapter with `SystemClock.elapsedRealtime` at its arrival. `null` while the car tells none.
 *
 * Raw, not display speed, which cars inflate. Cars report reversing as a negative speed; along the road that is standing.
 */
fun speedSample(rawSpeedMps: Float?, elapsedRealtimeMillis: Long): SpeedSample? =
    rawSpeedMps?.takeIf { it.isFinite() }?.let { speed ->
        SpeedSample(TimeUnit.MILLISECONDS.toNanos(elapsedRealtimeMillis), speed.coerceAtLeast(0f).toDouble())
    }
