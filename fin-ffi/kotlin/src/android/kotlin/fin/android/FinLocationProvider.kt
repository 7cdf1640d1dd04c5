package fin.android

import android.location.Location
import android.os.SystemClock
import fin.FinEngine
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.map

/**
 * Estimates as Android locations, in the shape of Ferrostar's `NavigationLocationProviding`: the same two functions, so that an
 * app with Ferrostar declares `object : NavigationLocationProviding` and hands the calls on.
 */
class FinLocationProvider(
    private val engine: FinEngine,
    private val clock: () -> Long = SystemClock::elapsedRealtimeNanos,
) {
    /** Where the car is now, or `null` while nothing is known. */
    suspend fun lastLocation(): Location? = engine.predict(clock())?.toLocation()

    /** Where the car is, every [intervalMillis], in the open and in tunnels alike. */
    fun locationUpdates(intervalMillis: Long = 1000): Flow<Location> =
        engine.every(intervalMillis.milliseconds, clock).map { it.toLocation() }
}
