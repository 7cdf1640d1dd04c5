//! Which GNSS fixes are believed: phones freeze, extrapolate and invent fixes at portals and inside.

use serde::{Deserialize, Serialize};

use crate::observation::GnssFix;
use crate::time::Time;

/// Limits of the gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateModel {
    /// Fixes with a greater 68 % radius are refused, metres.
    pub most_accuracy_m: f64,
    /// Accuracy of a fix that states none, metres.
    pub default_accuracy_m: f64,
    /// Squared Mahalanobis distance up to which a fix agrees with the prediction.
    pub most_nis: f64,
    /// A repeated position is stale when the car moves faster than this, m/s.
    pub stale_speed_mps: f64,
    /// Distance inside a tunnel beyond which no fix is believed, metres.
    pub inside_m: f64,
    /// Consecutive agreeing fixes that re-acquire.
    pub agreeing_fixes: usize,
    /// Consecutive fixes, in line with each other and not with the prediction, that start the engine anew.
    pub starting_fixes: usize,
    /// Time over which the GNSS error stays alike, seconds; fixes closer together count as one.
    pub error_time_s: f64,
}

impl Default for GateModel {
    fn default() -> Self {
        Self {
            most_accuracy_m: 100.0,
            default_accuracy_m: 6.0,
            most_nis: 16.0,
            stale_speed_mps: 2.0,
            inside_m: 30.0,
            agreeing_fixes: 2,
            starting_fixes: 5,
            error_time_s: 8.0,
        }
    }
}

/// What the engine predicts for the time of a fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prediction {
    /// Squared Mahalanobis distance of the fix from the best-fitting hypothesis; `None` when it fits none.
    pub nis: Option<f64>,
    /// Predicted speed, m/s.
    pub speed_mps: f64,
    /// How far inside a tunnel the car surely is: to the nearer portal less twice the standard deviation, metres.
    pub surely_inside_m: Option<f64>,
    /// Whether the fix lies near an open road away from the prediction.
    pub open_road_near: bool,
}

/// Why a fix was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Its stated accuracy is beyond use.
    Inaccurate,
    /// It repeats a position though the car moves.
    Stale,
    /// The car is inside a tunnel.
    Inside,
    /// It disagrees with the prediction.
    Outlying,
    /// It may be right, and waits for others that agree with it.
    Awaiting,
}

/// What to do with a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Take,
    StartAnew,
    Refuse(Refusal),
}

/// Memory of the gate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct FixGate {
    /// Last fix that was taken.
    taken: Option<GnssFix>,
    /// Last fix at all.
    seen: Option<GnssFix>,
    /// Usual time between fixes, seconds.
    interval_s: Option<f64>,
    /// Fixes in a row that agreed with the prediction while GNSS was not trusted.
    agreeing: usize,
    /// Fixes in a row that were in line with each other but not with the prediction.
    straying: usize,
}

impl FixGate {
    /// Whether the memory is one that fixes can have left: for one read from bytes.
    pub(super) fn is_sound(&self) -> bool {
        let Self {
            taken,
            seen,
            interval_s,
            agreeing,
            straying,
        } = self;
        let fix_is_sound = |fix: &GnssFix| {
            let optional = [fix.accuracy_m, fix.speed_mps, fix.bearing_deg];
            fix.position.lat_deg.abs() <= 90.0
                && fix.position.lon_deg.abs() <= 180.0
                && optional.iter().flatten().all(|value| value.is_finite())
        };
        taken.iter().chain(seen).all(fix_is_sound)
            && interval_s.is_none_or(|s| (0.0..=30.0).contains(&s))
            && agreeing.max(straying) < &(1 << 30)
    }

    /// Time of the last fix that was taken.
    pub(super) fn last_taken(&self) -> Option<Time> {
        self.taken.map(|fix| fix.time)
    }

    /// The last fix, taken or not.
    pub(super) fn last_seen(&self) -> Option<&GnssFix> {
        self.seen.as_ref()
    }

    /// Seconds without a taken fix after which GNSS counts as gone.
    pub(super) fn patience_s(&self) -> f64 {
        self.interval_s
            .map_or(2.5, |usual| (2.5 * usual).clamp(2.5, 25.0))
    }

    /// Whether GNSS is in use at `now`.
    pub(super) fn is_trusted(&self, now: Time) -> bool {
        self.last_taken()
            .is_some_and(|last| now.seconds_since(last) <= self.patience_s())
    }

    /// Decides on `fix`, given what was predicted for it, or `None` when nothing is tracked.
    pub(super) fn judge(
        &mut self,
        fix: &GnssFix,
        prediction: Option<&Prediction>,
        model: &GateModel,
    ) -> Verdict {
        let before = self.seen.replace(*fix);
        if fix.accuracy_m.is_some_and(|m| m > model.most_accuracy_m) {
            return Verdict::Refuse(Refusal::Inaccurate);
        }
        let Some(prediction) = prediction else {
            return self.taken_as(fix, Verdict::StartAnew);
        };
        let speed_mps = fix
            .speed_mps
            .unwrap_or(prediction.speed_mps)
            .max(prediction.speed_mps);
        if let Some(before) = before
            && before.position == fix.position
            && fix.time > before.time
            && speed_mps > model.stale_speed_mps
        {
            return Verdict::Refuse(Refusal::Stale);
        }
        let in_line = before.is_some_and(|before| in_line(&before, fix, model));
        let agrees = prediction.nis.is_some_and(|nis| nis <= model.most_nis);
        if prediction
            .surely_inside_m
            .is_some_and(|depth| depth > model.inside_m)
        {
            self.agreeing = 0;
            self.straying = if in_line && prediction.open_road_near {
                self.straying + 1
            } else {
                0
            };
            return if self.straying >= 2 * model.starting_fixes {
                self.taken_as(fix, Verdict::StartAnew)
            } else {
                Verdict::Refuse(Refusal::Inside)
            };
        }
        if agrees {
            self.straying = 0;
            self.agreeing += 1;
            let needed = if self.is_trusted(fix.time) {
                1
            } else {
                model.agreeing_fixes
            };
            return if self.agreeing >= needed {
                self.taken_as(fix, Verdict::Take)
            } else {
                Verdict::Refuse(Refusal::Awaiting)
            };
        }
        self.agreeing = 0;
        self.straying = if in_line { self.straying + 1 } else { 1 };
        if self.straying >= model.starting_fixes {
            return self.taken_as(fix, Verdict::StartAnew);
        }
        Verdict::Refuse(Refusal::Outlying)
    }

    fn taken_as(&mut self, fix: &GnssFix, verdict: Verdict) -> Verdict {
        if let Some(before) = self.taken.replace(*fix) {
            let dt_s = fix.time.seconds_since(before.time);
            if dt_s > 0.0 && dt_s < 30.0 {
                self.interval_s = Some(self.interval_s.map_or(dt_s, |usual| usual + 0.2 * (dt_s - usual)));
            }
        }
        self.agreeing = 0;
        self.straying = 0;
        verdict
    }
}

/// Whether a car can have gone from one fix to the other, at about the speed that they state.
fn in_line(before: &GnssFix, fix: &GnssFix, model: &GateModel) -> bool {
    let dt_s = fix.time.seconds_since(before.time);
    if dt_s <= 0.0 || dt_s > 30.0 {
        return false;
    }
    let moved_m = before.position.distance_m(fix.position);
    let accuracy = |fix: &GnssFix| fix.accuracy_m.unwrap_or(model.default_accuracy_m);
    let slack_m = 2.0 * (accuracy(before) + accuracy(fix)).min(60.0) + 1.5 * dt_s * dt_s;
    match (before.speed_mps, fix.speed_mps) {
        (Some(a), Some(b)) => (moved_m - 0.5 * (a + b) * dt_s).abs() <= slack_m,
        _ => moved_m <= 60.0 * dt_s + slack_m,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{EastNorth, LatLon, LocalFrame};

    fn fix(t_s: f64, north_m: f64) -> GnssFix {
        let frame = LocalFrame::new(LatLon::new(46.0, 8.0));
        GnssFix {
            time: Time::from_millis((t_s * 1e3) as i64),
            position: frame.to_lat_lon(EastNorth { east_m: 0.0, north_m }),
            accuracy_m: Some(5.0),
            speed_mps: Some(20.0),
            bearing_deg: Some(0.0),
        }
    }

    fn prediction(nis: f64) -> Prediction {
        Prediction {
            nis: Some(nis),
            speed_mps: 20.0,
            surely_inside_m: None,
            open_road_near: false,
        }
    }

    #[test]
    fn a_fix_that_repeats_while_the_car_moves_is_stale() {
        let (mut gate, model) = (FixGate::default(), GateModel::default());
        assert_eq!(gate.judge(&fix(0.0, 0.0), None, &model), Verdict::StartAnew);
        assert_eq!(
            gate.judge(&fix(1.0, 20.0), Some(&prediction(1.0)), &model),
            Verdict::Take
        );
        assert_eq!(
            gate.judge(&fix(2.0, 20.0), Some(&prediction(1.0)), &model),
            Verdict::Refuse(Refusal::Stale)
        );
    }

    #[test]
    fn after_a_gap_two_fixes_have_to_agree() {
        let (mut gate, model) = (FixGate::default(), GateModel::default());
        gate.judge(&fix(0.0, 0.0), None, &model);
        let after = |gate: &mut FixGate, t, n| gate.judge(&fix(t, n), Some(&prediction(2.0)), &model);
        assert_eq!(after(&mut gate, 60.0, 1200.0), Verdict::Refuse(Refusal::Awaiting));
        assert_eq!(after(&mut gate, 61.0, 1220.0), Verdict::Take);
    }

    #[test]
    fn no_fix_is_taken_inside_however_well_it_fits() {
        let (mut gate, model) = (FixGate::default(), GateModel::default());
        gate.judge(&fix(0.0, 0.0), None, &model);
        let inside = Prediction {
            surely_inside_m: Some(200.0),
            ..prediction(0.5)
        };
        for t in 1..60 {
            let t = f64::from(t);
            assert_eq!(
                gate.judge(&fix(t, 20.0 * t), Some(&inside), &model),
                Verdict::Refuse(Refusal::Inside)
            );
        }
    }

    #[test]
    fn a_jump_of_kilometres_is_refused_and_a_steady_other_track_is_followed_in_the_end() {
        let (mut gate, model) = (FixGate::default(), GateModel::default());
        gate.judge(&fix(0.0, 0.0), None, &model);
        let far = prediction(1e6);
        assert_eq!(
            gate.judge(&fix(1.0, 5e6 / 1e3), Some(&far), &model),
            Verdict::Refuse(Refusal::Outlying)
        );
        assert_eq!(
            gate.judge(&fix(2.0, 40.0), Some(&prediction(1.0)), &model),
            Verdict::Take
        );
        let verdicts: Vec<_> = (3..9)
            .map(|t| {
                gate.judge(
                    &fix(f64::from(t), 3000.0 + 20.0 * f64::from(t)),
                    Some(&far),
                    &model,
                )
            })
            .collect();
        assert_eq!(verdicts[3], Verdict::Refuse(Refusal::Outlying));
        assert_eq!(verdicts[4], Verdict::StartAnew);
    }
}
