//! Seeded inputs that the benchmarks share: the same roads, levels and drives on every run.

mod city;
mod drives;
mod tube;

pub use city::{City, city};
pub use drives::{RoadDrive, road_drives};
pub use tube::{Tube, tube};
