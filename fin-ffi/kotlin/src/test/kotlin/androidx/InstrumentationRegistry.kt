// Robolectric calls these classes of androidx.test when it starts, and they are published only where this build does not look. Nothing
// of them is used by the tests, so they do nothing.
package androidx.test.platform.app

import android.app.Instrumentation
import android.os.Bundle

object InstrumentationRegistry {
    @JvmStatic
    @Suppress("unused", "UNUSED_PARAMETER")
    fun registerInstance(instrumentation: Instrumentation?, arguments: Bundle?) = Unit
}
