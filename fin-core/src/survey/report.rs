//! What became of a drive's data.

use crate::matching::MatchCounts;
use std::fmt;

/// Counts of everything that labelling left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelReport {
    /// Fixes in the drive.
    pub fixes: usize,
    /// Fixes that places were computed from.
    pub used: usize,
    /// Dropped: no position, or one out of range.
    pub invalid: usize,
    /// Dropped: accuracy too bad.
    pub inaccurate: usize,
    /// Dropped: the position of the fix before, though the car moved on.
    pub stale: usize,
    /// Dropped: the time stamp of the fix before.
    pub repeated: usize,
    /// Dropped: no car gets there from the fixes around.
    pub jumps: usize,
    /// Dropped: no road around.
    pub off_road: usize,
    /// Dropped: on roads that do not lead to those of the fixes around.
    pub unreachable: usize,
    /// Dropped: alone between two breaks.
    pub isolated: usize,
    /// Dropped: deep in a tunnel or frozen before it, where phones make positions up.
    pub in_tunnel: usize,
    /// Dropped: in segments with too few fixes to be used.
    pub short: usize,
    /// Measurements (positions, GNSS and wheel speeds) so far from the others that their weight was reduced.
    pub outliers: usize,
    /// Places where one matched segment ended and the next began.
    pub breaks: usize,
    /// Wheel speeds dropped: not a number or below 0.
    pub bad_speeds: usize,
}

impl LabelReport {
    pub(super) fn add_match(&mut self, counts: &MatchCounts) {
        self.off_road += counts.off_road;
        self.unreachable += counts.unreachable;
        self.isolated += counts.isolated;
        self.breaks += counts.breaks;
    }

    /// The counts of dropped data with their reasons, in words.
    pub fn dropped(&self) -> [(usize, &'static str); 11] {
        [
            (self.invalid, "without a valid position"),
            (self.inaccurate, "inaccurate"),
            (self.stale, "stale"),
            (self.repeated, "repeated"),
            (self.jumps, "impossible jumps"),
            (self.off_road, "off the road"),
            (self.unreachable, "unreachable by road"),
            (self.isolated, "isolated"),
            (self.in_tunnel, "made up in a tunnel"),
            (self.short, "in short segments"),
            (self.bad_speeds, "bad wheel speeds"),
        ]
    }
}

impl fmt::Display for LabelReport {
    /// `12 fixes: 3 stale, 1 inaccurate`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fixes", self.fixes)?;
        let dropped = self.dropped().into_iter().filter(|(count, _)| *count > 0);
        for (i, (count, reason)) in dropped.enumerate() {
            write!(f, "{} {count} {reason}", if i == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
