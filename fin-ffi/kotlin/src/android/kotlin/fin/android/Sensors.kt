package fin.android

import android.annotation.SuppressLint
import android.location.Location
import android.location.LocationListener
import android.location.LocationManager
import android.os.Looper
import android.telephony.CellInfo
import android.telephony.TelephonyManager
import fin.CellScan
import fin.GnssFix
import kotlin.coroutines.resume
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.suspendCancellableCoroutine

/** The fixes of the GNSS receiver, once a second. Needs `ACCESS_FINE_LOCATION`. */
@SuppressLint("MissingPermission")
fun LocationManager.fixes(): Flow<GnssFix> = callbackFlow {
    val listener = LocationListener { location: Location -> trySend(location.toGnssFix()) }
    requestLocationUpdates(LocationManager.GPS_PROVIDER, 1000L, 0f, listener, Looper.getMainLooper())
    awaitClose { removeUpdates(listener) }
}

/**
 * The scans of the modem, as often as the system serves new ones: every 2 s on a phone in use, every 10 s with the screen off.
 * Needs `ACCESS_FINE_LOCATION`.
 */
fun TelephonyManager.scans(): Flow<CellScan> = flow {
    val scans = CellScans()
    var pace = Pace()
    while (true) {
        val fresh = scans.take(requestCells())
        fresh.forEach { emit(it) }
        pace = pace.after(fresh.isNotEmpty())
        delay(pace.wait)
    }
}

/** How long to wait before the next request: as short as brings something new, longer after each repeat. */
internal data class Pace(val wait: Duration = SHORTEST) {
    fun after(fresh: Boolean): Pace = if (fresh) Pace(SHORTEST) else Pace((wait * 1.5).coerceAtMost(LONGEST))

    companion object {
        val SHORTEST = 500.milliseconds
        val LONGEST = 5.seconds
    }
}

/** What the modem answers to one request: nothing on an error, after which one asks again. */
@SuppressLint("MissingPermission")
private suspend fun TelephonyManager.requestCells(): List<CellInfo> = suspendCancellableCoroutine { answer ->
    val callback = object : TelephonyManager.CellInfoCallback() {
        override fun onCellInfo(cellInfo: List<CellInfo>) = answer.resume(cellInfo)

        override fun onError(errorCode: Int, detail: Throwable?) = answer.resume(emptyList())
    }
    requestCellInfoUpdate(Runnable::run, callback)
}
