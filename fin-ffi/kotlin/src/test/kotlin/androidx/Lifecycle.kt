// Robolectric calls these classes of androidx.test when it starts, and they are published only where this build does not look. Nothing
// of them is used by the tests, so they do nothing.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.test.runner.lifecycle

interface ActivityLifecycleMonitor

interface ApplicationLifecycleMonitor

enum class Stage { PRE_ON_CREATE, CREATED, STARTED, RESUMED, PAUSED, STOPPED, RESTARTED, DESTROYED }

enum class ApplicationStage { PRE_ON_CREATE, CREATED }

object ActivityLifecycleMonitorRegistry {
    @JvmStatic fun registerInstance(monitor: ActivityLifecycleMonitor?) = Unit
}

object ApplicationLifecycleMonitorRegistry {
    @JvmStatic fun registerInstance(monitor: ApplicationLifecycleMonitor?) = Unit
}
