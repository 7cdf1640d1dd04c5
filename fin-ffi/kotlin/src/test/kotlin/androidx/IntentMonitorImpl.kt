// Robolectric calls these classes of androidx.test when it starts, and they are published only where this build does not look. Nothing
// of them is used by the tests, so they do nothing.
package androidx.test.internal.runner.intent

import android.content.Intent
import androidx.test.runner.intent.IntentMonitor

class IntentMonitorImpl : IntentMonitor {
    @Suppress("unused", "UNUSED_PARAMETER")
    fun signalIntent(intent: Intent?) = Unit
}
