//! Online engine.
