//! Instants on the clock of a drive.

use serde::{Deserialize, Serialize};

/// An instant on the drive's clock, as integer nanoseconds since that clock's zero (the Unix epoch when known).
///
/// Integers, so that a replay adds and compares without rounding and gives the same bytes every time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(i64);

impl Time {
    /// The instant `nanos` nanoseconds after the clock's zero.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `millis` milliseconds after the clock's zero; saturates beyond ±292 years.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the clock's zero.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the clock's zero, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds from `earlier` to `self`; negative when `self` is the earlier one.
    pub fn seconds_since(self, earlier: Time) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 * 1e-9
    }

    /// The instant `seconds` later (earlier when negative), rounded to the nanosecond; saturates.
    pub fn plus_seconds(self, seconds: f64) -> Self {
        Self(self.0.saturating_add(libm::round(seconds * 1e9) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_survive_the_round_trip() {
        assert_eq!(Time::from_millis(-1).as_millis(), -1);
        assert_eq!(
            Time::from_millis(1_575_000_000_123).as_millis(),
            1_575_000_000_123
        );
    }

    #[test]
    fn seconds_add_and_subtract() {
        let t = Time::from_millis(1_575_000_000_000);
        assert_eq!(t.plus_seconds(1.5).seconds_since(t), 1.5);
        assert_eq!(t.seconds_since(t.plus_seconds(2.0)), -2.0);
    }
}
