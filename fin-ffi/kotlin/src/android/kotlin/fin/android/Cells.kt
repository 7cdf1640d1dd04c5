package fin.android

import android.os.Build
import android.telephony.CellIdentityNr
import android.telephony.CellInfo
import android.telephony.CellInfoGsm
import android.telephony.CellInfoLte
import android.telephony.CellInfoNr
import android.telephony.CellInfoWcdma
import android.telephony.CellSignalStrengthNr
import fin.CellReading
import fin.CellScan
import fin.Rat

/** Turns what the phone tells of its cells into scans, each with the time at which the modem measured it. */
class CellScans {
    private var latestNs = Long.MIN_VALUE

    /**
     * The scans in [infos] that are new, oldest first.
     *
     * Phones hand out the last list again when they are asked too often, and with two SIMs one list holds cells of two
     * modems, measured at different times. Cells of one time stamp make one scan; what is not newer than what came before is a
     * repeat and left out.
     */
    fun take(infos: List<CellInfo>): List<CellScan> {
        val byTime = infos.groupBy { it.measuredNs }.filterKeys { it > latestNs }.toSortedMap()
        if (byTime.isNotEmpty()) latestNs = byTime.lastKey()
        return byTime.map { (timeNs, cells) -> CellScan(timeNs, cells.mapNotNull { it.toReading() }) }
            .filter { it.cells.isNotEmpty() }
    }
}

/** When the modem measured the cell, nanoseconds on the clock of `SystemClock.elapsedRealtimeNanos`. */
private val CellInfo.measuredNs: Long
    get() =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) {
            timestampMillis * NS_PER_MS
        } else {
            @Suppress("DEPRECATION")
            timeStamp
        }

/** The cell as the engine takes it; `null` for technologies that it does not know. */
internal fun CellInfo.toReading(): CellReading? = when (this) {
    is CellInfoLte -> reading(
        rat = Rat.LTE,
        mcc = cellIdentity.mccString,
        mnc = cellIdentity.mncString,
        area = cellIdentity.tac.known(most = LTE_MOST_TAC),
        cell = cellIdentity.ci.known(most = LTE_MOST_CI)?.toLong(),
        channel = cellIdentity.earfcn,
        code = cellIdentity.pci,
        levelDbm = cellSignalStrength.rsrp,
        qualityDb = cellSignalStrength.rsrq,
    )
    is CellInfoNr -> {
        val identity = cellIdentity as CellIdentityNr
        val signal = cellSignalStrength as CellSignalStrengthNr
        reading(
            rat = Rat.NR,
            mcc = identity.mccString,
            mnc = identity.mncString,
            area = identity.tac.known(most = NR_MOST_TAC),
            cell = identity.nci.takeIf { it in 0..NR_MOST_NCI },
            channel = identity.nrarfcn,
            code = identity.pci,
            levelDbm = signal.ssRsrp,
            qualityDb = signal.ssRsrq,
        )
    }
    is CellInfoWcdma -> reading(
        rat = Rat.WCDMA,
        mcc = cellIdentity.mccString,
        mnc = cellIdentity.mncString,
        area = cellIdentity.lac.known(most = MOST_LAC),
        cell = cellIdentity.cid.known(most = LTE_MOST_CI)?.toLong(),
        channel = cellIdentity.uarfcn,
        code = cellIdentity.psc,
        levelDbm = cellSignalStrength.dbm,
        qualityDb = CellInfo.UNAVAILABLE,
    )
    is CellInfoGsm -> reading(
        rat = Rat.GSM,
        mcc = cellIdentity.mccString,
        mnc = cellIdentity.mncString,
        area = cellIdentity.lac.known(most = MOST_LAC),
        cell = cellIdentity.cid.known(most = GSM_MOST_CID)?.toLong(),
        channel = cellIdentity.arfcn,
        code = cellIdentity.bsic,
        levelDbm = cellSignalStrength.dbm,
        qualityDb = CellInfo.UNAVAILABLE,
    )
    else -> null
}

private fun CellInfo.reading(
    rat: Rat,
    mcc: String?,
    mnc: String?,
    area: Int?,
    cell: Long?,
    channel: Int,
    code: Int,
    levelDbm: Int,
    qualityDb: Int,
) = CellReading(
    rat = rat,
    mcc = mcc?.toUShortOrNull(),
    mnc = mnc?.toUShortOrNull(),
    tac = area?.toUInt(),
    cellId = cell?.toULong(),
    arfcn = channel.known()?.toUInt(),
    pci = code.known(most = UShort.MAX_VALUE.toInt())?.toUShort(),
    serving = isRegistered,
    rsrpDbm = levelDbm.takeIf { it != CellInfo.UNAVAILABLE }?.toDouble(),
    rsrqDb = qualityDb.takeIf { it != CellInfo.UNAVAILABLE }?.toDouble(),
)

/** The number, unless the phone says that it does not know it; all ones are what modems fill in for that. */
private fun Int.known(most: Int = CellInfo.UNAVAILABLE - 1): Int? = takeIf { it in 0..most }

private const val NS_PER_MS = 1_000_000L

// The greatest values that name something: fields of 16, 24, 28 and 36 bits (3GPP TS 23.003), where all ones stand for nothing, and
// 0xFFFE for a deleted area (section 19.4.2.3).
private const val MOST_LAC = 0xFFFD
private const val LTE_MOST_TAC = 0xFFFD
private const val NR_MOST_TAC = 0xFFFFFD
private const val GSM_MOST_CID = 0xFFFE
private const val LTE_MOST_CI = 0xFFFFFFE
private const val NR_MOST_NCI = 0xFFFFFFFFEL
