//! Writes the Kotlin, Swift or Python side of the border from a built library.

fn main() {
    uniffi::uniffi_bindgen_main();
}
