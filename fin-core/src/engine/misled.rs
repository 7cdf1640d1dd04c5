//! Whether scans have led the car astray.
//!
//! Where fewer than two in five readings fit the surveys, antennas have been moved, and what seems to fit is chance. A car that
//! follows it ends up far from where it would be thought without any scan. So its scans have a credit there: each one costs
//! what its likelihood falls short of an ordinary one's, and when the credit is spent the car is taken back to where it would be
//! had none been heard since GNSS went. Robots that are lost start again from another sensor by the same sign (Lenser and Veloso 2000,
//! *Sensor Resetting Localization for Poorly Modelled Mobile Robots*).

use serde::{Deserialize, Serialize};

use super::belief::Belief;
use super::drift::DriftModel;
use super::hypothesis::Hypothesis;
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::matcher::Room;

/// Credit of scans at first, again once it was spent, and at most; logarithms of likelihoods.
const AT_FIRST: f64 = 3.0;
const AGAIN: f64 = 2.0;
const MOST: f64 = 5.0;
/// What the logarithm of the likelihood of an ordinary scan falls short of that which fits best on average: six in seven of
/// those of a car that is where it is thought to be come to more.
const ORDINARY: f64 = 3.0;

/// The credit of what was heard since GNSS went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Credit(f64);

impl Default for Credit {
    fn default() -> Self {
        Self(AT_FIRST)
    }
}

impl Credit {
    /// Whether it can have come from scans: for one read from bytes.
    pub(super) fn is_sound(self) -> bool {
        (0.0..=MOST).contains(&self.0)
    }

    /// Counts a scan by the logarithm of its likelihood, 0 on average where it fits best. Returns whether the credit is spent; then
    /// it starts again.
    pub(super) fn is_spent_by(&mut self, evidence: f64) -> bool {
        self.0 = (self.0 + evidence + ORDINARY).min(MOST);
        let spent = self.0 < 0.0;
        if spent {
            self.0 = AGAIN;
        }
        spent
    }
}

impl Hypothesis {
    /// Counts a scan whose likelihood was `evidence`, its logarithm, where hardly any reading fits; `belief` is what it
    /// led to. Returns the belief to go on with; the same where no fix has told yet where the car is.
    pub(super) fn unless_misled(
        &mut self,
        (belief, evidence): (Belief, f64),
        db: &FingerprintDb,
        drift: &DriftModel,
        room: &mut Room,
    ) -> Belief {
        let sought = self.fixed_at_m.is_none();
        if sought || !self.credit.is_spent_by(evidence) {
            return belief;
        }
        self.lasting.clear(room);
        belief.without_scans(&self.track, drift, |offset_m| self.pace(db, offset_m))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_that_do_not_fit_spend_their_credit() {
        let mut credit = Credit::default();
        assert!((0..100).all(|_| !credit.is_spent_by(-1.0)));
        assert_eq!(credit, Credit(MOST));
        assert!(!credit.is_spent_by(-7.0));
        assert!(credit.is_spent_by(-7.0));
        assert_eq!(credit, Credit(AGAIN));
        assert!(credit.is_sound() && !Credit(f64::NAN).is_sound() && !Credit(-1.0).is_sound());
    }
}
