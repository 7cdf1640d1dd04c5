// The AAR. This repository's tests do not run this file: they have neither the NDK nor Google's repository. They compile and test
// the same sources with pom.xml. docs/android.md says what this build needs.

plugins {
    id("com.android.library") version "8.12.0"
    kotlin("android") version "2.2.20"
}

android {
    namespace = "fin"
    compileSdk = 36
    ndkVersion = "28.2.13676358"

    defaultConfig {
        // NR cells came with Android 10.
        minSdk = 29
        consumerProguardFiles("consumer-rules.pro")
    }

    sourceSets["main"].apply {
        kotlin.srcDirs("src/main/kotlin", "src/android/kotlin", "../prepared/kotlin")
        jniLibs.srcDir(layout.buildDirectory.dir("jniLibs"))
    }
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    implementation("net.java.dev.jna:jna:5.18.1@aar")
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
}

/** Builds and runs what writes the generated bindings. */
val bindings by tasks.registering(Exec::class) {
    workingDir = file("../..")
    commandLine("cargo", "run", "--package", "fin-ffi", "--example", "prepare")
}

/** The library for each processor of phones. NDK 28 aligns it to pages of 16 KB, which Google Play asks for. */
val nativeLibraries by tasks.registering(Exec::class) {
    workingDir = file("../..")
    val jniLibs = layout.buildDirectory.dir("jniLibs").get().asFile
    commandLine(
        "cargo", "ndk", "--platform", "29",
        "--target", "arm64-v8a", "--target", "armeabi-v7a", "--target", "x86_64",
        "--output-dir", jniLibs.path,
        "build", "--package", "fin-ffi", "--lib", "--profile", "small",
    )
}

tasks.named("preBuild") {
    dependsOn(bindings, nativeLibraries)
}
