//! What a build tells of its drives and of what came out.

use serde::{Serialize, Serializer};

use super::scans::Dropped;

/// Why a drive was not used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// It heard nothing.
    #[error("it has no cell scans with a usable level")]
    NoScans,
    /// It was never on the roads of the database while it heard something.
    #[error("none of its {scans} cell scans was taken at a known place on the roads around the tunnels")]
    NotOnRoads {
        /// Scans that are measurements.
        scans: usize,
    },
    /// It was given twice.
    #[error("it is the same recording as {name}")]
    SameAs {
        /// The one that is used.
        name: String,
    },
    /// Its clock is off by an unknown time.
    #[error(
        "its levels are {mismatch_db:.1} dB off the other drives ({typical_db:.1} dB is usual) and would fit better with \
         another radio clock, but several clock errors explain them equally well"
    )]
    AmbiguousClock {
        /// Mean mismatch of its levels with those of the other drives, dB.
        mismatch_db: f64,
        /// The same for the median drive, dB.
        typical_db: f64,
    },
    /// It agrees with no other drive.
    #[error(
        "its levels are {mismatch_db:.1} dB off the other drives ({typical_db:.1} dB is usual) whatever the error of its \
         radio clock"
    )]
    Disagrees {
        /// Mean mismatch of its levels with those of the other drives, dB.
        mismatch_db: f64,
        /// The same for the median drive, dB.
        typical_db: f64,
    },
    /// It could not be read or labelled.
    #[error("{0}")]
    Unusable(String),
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One drive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriveReport {
    /// Its name.
    pub name: String,
    /// Why it was refused; `None` when it was used.
    pub refused: Option<Refusal>,
    /// Scans as recorded.
    pub scans: usize,
    /// Scans that went into the profiles.
    pub scans_used: usize,
    /// Levels that went into the profiles.
    pub levels_used: usize,
    /// What was dropped.
    pub dropped: Dropped,
    /// How much its phone read higher than the mean phone, dB; removed.
    pub offset_db: f64,
    /// What was added to the times of its scans because its radio clock was off, seconds.
    pub clock_shift_s: f64,
    /// The tunnels that it drove through from end to end while scanning, in order.
    pub tunnels: Vec<String>,
}

impl DriveReport {
    /// The report of a drive of which nothing is known yet.
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            refused: None,
            scans: 0,
            scans_used: 0,
            levels_used: 0,
            dropped: Dropped::default(),
            offset_db: 0.0,
            clock_shift_s: 0.0,
            tunnels: Vec::new(),
        }
    }

    /// The report of a drive that could not be read or placed on the roads because of `reason`.
    pub fn unusable(name: String, reason: String) -> Self {
        Self {
            refused: Some(Refusal::Unusable(reason)),
            ..Self::new(name)
        }
    }
}

/// One tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TunnelReport {
    /// Its name.
    pub name: String,
    /// How often a used drive went through it.
    pub passes: usize,
}

/// A whole build.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BuildReport {
    /// The drives, in the order given.
    pub drives: Vec<DriveReport>,
    /// The tunnels of the roads.
    pub tunnels: Vec<TunnelReport>,
    /// Directed edges with a profile.
    pub edges: usize,
    /// Cells with a profile.
    pub cells: usize,
    /// Levels in all profiles: one per grid point and cell.
    pub levels: usize,
}

impl BuildReport {
    /// The drives that were used.
    pub fn used(&self) -> impl Iterator<Item = &DriveReport> {
        self.drives.iter().filter(|drive| drive.refused.is_none())
    }

    /// The drives that were refused, with the reasons.
    pub fn refused(&self) -> impl Iterator<Item = (&DriveReport, &Refusal)> {
        self.drives
            .iter()
            .filter_map(|drive| Some((drive, drive.refused.as_ref()?)))
    }
}
