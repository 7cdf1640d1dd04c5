package fin.android

import android.content.Context
import android.provider.Settings
import fin.FinEngine
import fin.FinException
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.file.Files
import java.nio.file.StandardCopyOption

/**
 * A file that keeps the engine's state while the app is not running. Save it in `onStop` and every ten seconds or so of a drive.
 *
 * The clock of the observations starts anew when the phone does, so the file remembers how often the phone had been started: a
 * state from before a restart is of no use.
 */
class SnapshotFile(private val file: File, private val bootCount: Int) {
    constructor(context: Context) : this(
        File(context.noBackupFilesDir, "fin.snapshot"),
        Settings.Global.getInt(context.contentResolver, Settings.Global.BOOT_COUNT, 0),
    )

    /** Writes the state of [engine]; the file is there as a whole or as it was before. */
    @Throws(IOException::class)
    fun save(engine: FinEngine) {
        val snapshot = engine.snapshot()
        val content = ByteBuffer.allocate(Int.SIZE_BYTES + snapshot.size).putInt(bootCount).put(snapshot)
        val written = File(file.path + ".new")
        written.writeBytes(content.array())
        Files.move(written.toPath(), file.toPath(), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE)
    }

    /** Puts [engine] into the state that was saved. `false` when there is none that fits: the engine starts from nothing. */
    fun load(engine: FinEngine): Boolean {
        val content = try {
            ByteBuffer.wrap(file.readBytes())
        } catch (_: IOException) {
            return false
        }
        if (content.remaining() < Int.SIZE_BYTES || content.getInt() != bootCount) return false
        val snapshot = ByteArray(content.remaining()).also { content.get(it) }
        return try {
            engine.restore(snapshot)
            true
        } catch (_: FinException.SnapshotVersion) {
            false
        } catch (_: FinException.SnapshotOfOtherDatabase) {
            false
        } catch (_: FinException.SnapshotCorrupt) {
            false
        } catch (_: FinException.DatabaseCorrupt) {
            false
        } catch (_: FinException.DatabaseUnreadable) {
            false
        }
    }
}
