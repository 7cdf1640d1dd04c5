//! Benchmarks of `fin-core`; see the `[[bench]]` targets.
