//! UniFFI surface of the engine.
