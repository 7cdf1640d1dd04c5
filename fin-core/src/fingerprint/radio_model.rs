//! What the matcher takes the radio world and the phone to be like.

use serde::{Deserialize, Serialize};

/// Degrees of freedom of the heavy-tailed distribution of level differences.
///
/// Measured differences have a robust deviation of 2.3 dB and an rms of 4.7; Student's t with three degrees of freedom
/// has such tails, and its density needs no logarithm.
pub(super) const STUDENT_DOF: f64 = 3.0;
/// Squared scale of Student's distribution over the variance of the readings: its middle then fits the measured one.
pub(super) const STUDENT_SCALE: f32 = 0.45;

/// How old what a scan tells is at its time stamp, seconds: a phone measures over 200 ms (3GPP TS 36.133, section 8.1.2.2), which is 0.1 s
/// old on average, and stamps it when it comes out.
pub(super) const SCAN_LAG_S: f64 = 0.15;

/// What the matcher takes the radio world to be like. The defaults are measured figures; `docs/model.md` has their
/// sources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RadioModel {
    /// How old what a scan tells is at its time stamp, seconds; profiles are drawn with the default.
    pub scan_lag_s: f64,
    /// Standard deviation of a reading about the smoothed level of its drive, dB.
    pub reading_sigma_db: f64,
    /// Least standard deviation of a drive's level about the surveys' mean, dB.
    pub least_spread_db: f64,
    /// Standard deviation over phones of the offset that one phone has on all cells, dB.
    pub offset_sigma_db: f64,
    /// Random walk of that offset, dB²/s: other seats, other hands.
    pub offset_drift_db2_per_s: f64,
    /// Share of the cells whose level has changed since the surveys, 0…0.5.
    pub changed_share: f64,
    /// Standard deviation of such changes, dB.
    pub changed_sigma_db: f64,
    /// Distance over which a level's difference from the surveys' mean falls by a factor e, metres.
    pub lasting_m: f64,
    /// Variance of what does not last of a reading once differences are held against each other, dB²: of a car that stands, whose
    /// readings share the phone's averaging and interference for seconds, and of one that drives.
    pub new_db2: (f64, f64),
    /// Distance between readings about which a car begins to drive, metres.
    pub driving_m: f64,
    /// The same where readings are counted and not held against each other, metres: what lasts for this phone alone.
    pub repeating_m: f64,
    /// Time over which it does, seconds.
    pub repeating_s: f64,
    /// Where no survey heard a cell: variance of the change of its level from one reading to the next of a car that stands, dB².
    pub unheard_change_db2: f64,
    /// What is added to it for each metre that the car has moved, dB²/m.
    pub unheard_change_db2_per_m: f64,
    /// Distance from which on levels there are as different as they become, metres.
    pub unheard_alike_m: f64,
    /// Age up to which an earlier reading of a cell is remembered, seconds.
    pub memory_s: f64,
    /// Age up to which the same level again may only be handed out again, seconds.
    pub held_s: f64,
    /// Weight of where the surveys were registered on the cell that the phone is registered on, 0…1.
    pub serving_weight: f64,
    /// Weight of where the surveys heard a neighbour at all, 0…1: phones report now these, now those.
    pub heard_weight: f64,
    /// Passes that are taken to have heard any cell anywhere.
    pub unheard_passes: f64,
    /// By how much sooner than on the surveys a phone may be registered on the next cell, metres: a handover takes its time, in
    /// which slow traffic does not come as far.
    pub sooner_m: f64,
    /// Distance over which being registered on a cell, or hearing it, is the same piece of news, metres.
    pub presence_m: f64,
}

impl Default for RadioModel {
    fn default() -> Self {
        Self {
            scan_lag_s: SCAN_LAG_S,
            reading_sigma_db: 2.0,
            least_spread_db: 2.0,
            offset_sigma_db: 3.0,
            offset_drift_db2_per_s: 0.002,
            changed_share: 0.1,
            changed_sigma_db: 4.0,
            lasting_m: 28.0,
            new_db2: (10.0, 3.0),
            driving_m: 14.0,
            repeating_m: 20.0,
            repeating_s: 25.0,
            unheard_change_db2: 8.0,
            unheard_change_db2_per_m: 0.66,
            unheard_alike_m: 100.0,
            memory_s: 60.0,
            held_s: 10.0,
            serving_weight: 1.0,
            heard_weight: 0.3,
            unheard_passes: 0.3,
            sooner_m: 30.0,
            presence_m: 40.0,
        }
    }
}

impl RadioModel {
    /// What is left of a level's difference after `moved_m`, 0…1.
    pub fn lasting(&self, moved_m: f64) -> f64 {
        libm::exp(-moved_m.abs() / self.lasting_m)
    }

    /// Variance of what is new in a reading `moved_m` after the one before of its cell, and of what of that does not even last until
    /// the next one, dB²: what is new to a car that drives is noise that phones carry on for a second or two.
    pub fn new_db2(&self, moved_m: f64) -> (f64, f64) {
        let (standing, driving) = self.new_db2;
        let stands = libm::exp(-(moved_m / self.driving_m).powi(2));
        let new = driving + (standing - driving) * stands;
        (new, stands * new)
    }

    /// Variance of the change of a level from one reading to the next where no survey heard its cell, after `moved_m`, dB².
    pub(super) fn unheard_var_db2(&self, moved_m: f64) -> f64 {
        let moved_m = moved_m.abs().min(self.unheard_alike_m);
        self.unheard_change_db2 + self.unheard_change_db2_per_m * moved_m
    }

    /// The share of its information that a scan keeps which follows another after `moved_m` and `dt_s`, 0…1.
    pub fn news(&self, moved_m: f64, dt_s: f64) -> f64 {
        let repeated = -moved_m.abs() / self.repeating_m - dt_s.max(0.0) / self.repeating_s;
        share_of_news(libm::exp(repeated))
    }
}

/// The share of its information that a sample keeps whose correlation with the one before is `rho`: the ratio of
/// independent samples to samples of a first-order process, (1 − ρ) / (1 + ρ) (Bartlett 1946).
pub fn share_of_news(rho: f64) -> f64 {
    (1.0 - rho) / (1.0 + rho)
}

/// The offset that this phone, in this place of this car, has on every level: mean and variance, dB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelOffset {
    /// Mean, dB; positive when the phone reads more than the surveys' mean phone.
    pub mean_db: f64,
    /// Variance, dB².
    pub var_db2: f64,
}

impl LevelOffset {
    /// The offset of a phone of which nothing is known yet.
    pub fn unknown(model: &RadioModel) -> Self {
        Self {
            mean_db: 0.0,
            var_db2: model.offset_sigma_db * model.offset_sigma_db,
        }
    }

    /// The offset `dt_s` later.
    pub fn drifted(self, dt_s: f64, model: &RadioModel) -> Self {
        let most = model.offset_sigma_db * model.offset_sigma_db;
        let var_db2 =
            (self.var_db2 + model.offset_drift_db2_per_s * dt_s.max(0.0)).min(most.max(self.var_db2));
        Self { var_db2, ..self }
    }

    /// The offset of a phone on a cell that has an offset of its own.
    pub(super) fn and(self, own: LevelOffset) -> Self {
        Self {
            mean_db: self.mean_db + own.mean_db,
            var_db2: self.var_db2 + own.var_db2,
        }
    }

    /// Whether it is one that levels can have led to: for one read from bytes.
    pub(crate) fn is_sound(self) -> bool {
        self.mean_db.abs() <= 1e3 && (0.0..=1e6).contains(&self.var_db2)
    }

    /// The offset after a reading that lay `residual_db` above the level expected there, with variance `var_db2`.
    pub(super) fn updated(self, residual_db: f64, var_db2: f64) -> Self {
        let innovation = residual_db - self.mean_db;
        let total = self.var_db2 + var_db2;
        let tail = 1.0 / (1.0 + innovation * innovation / (STUDENT_DOF * total));
        let gain = self.var_db2 / (self.var_db2 + var_db2 / tail);
        Self {
            mean_db: self.mean_db + gain * innovation,
            var_db2: (1.0 - gain) * self.var_db2,
        }
    }
}
