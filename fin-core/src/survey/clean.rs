//! Fixes that cannot be right.

use super::{LabelOptions, LabelReport};
use crate::matching::Odometer;
use crate::observation::GnssFix;

/// How many kept fixes back a plausible predecessor is looked for.
const LOOK_BACK: usize = 30;
/// An impossible jump is believed when it saves more fixes than this.
const JUMP_COST: i64 = 6;
/// Hardest acceleration of a car, m/s².
const MAX_ACCELERATION_MPS2: f64 = 4.0;
/// Noise explains distances of up to this many σ.
const NOISE_SIGMAS: f64 = 3.0;

/// The fixes of `fixes` that can be right, in time order; the others are counted in `report`.
pub(super) fn clean(
    fixes: &[GnssFix],
    wheel: &Odometer,
    options: &LabelOptions,
    report: &mut LabelReport,
) -> Vec<GnssFix> {
    let valid: Vec<GnssFix> = fixes
        .iter()
        .filter(|fix| fix.position.is_valid())
        .map(sane)
        .collect();
    report.invalid += fixes.len() - valid.len();
    let mut accurate: Vec<GnssFix> = valid
        .iter()
        .copied()
        .filter(|fix| {
            fix.accuracy_m
                .is_none_or(|accuracy_m| accuracy_m <= options.max_accuracy_m)
        })
        .collect();
    report.inaccurate += valid.len() - accurate.len();
    accurate.sort_by_key(|fix| fix.time);
    let fresh = without_stale(&accurate, wheel, options);
    let thawed = without_frozen(&fresh, options);
    report.stale += accurate.len() - thawed.len();
    let mut single = thawed.clone();
    single.dedup_by_key(|fix| fix.time);
    report.repeated += thawed.len() - single.len();
    let plausible = without_jumps(&single, options);
    report.jumps += single.len() - plausible.len();
    plausible
}

/// The fix without optional values that cannot be.
fn sane(fix: &GnssFix) -> GnssFix {
    GnssFix {
        accuracy_m: fix.accuracy_m.filter(|v| v.is_finite() && *v > 0.0),
        speed_mps: fix.speed_mps.filter(|v| v.is_finite() && *v >= 0.0),
        bearing_deg: fix.bearing_deg.filter(|v| v.is_finite()),
        ..*fix
    }
}

/// Without fixes that repeat the position before while the wheels, or else the fix's own speed, say that the car moves.
/// Where neither is known a repeated position tells nothing and goes too.
fn without_stale(fixes: &[GnssFix], wheel: &Odometer, options: &LabelOptions) -> Vec<GnssFix> {
    let mut kept: Vec<GnssFix> = Vec::new();
    for fix in fixes {
        let speed_mps = wheel.speed_mps(fix.time).or(fix.speed_mps);
        let may_move = speed_mps.is_none_or(|v| v > options.moving_mps);
        let is_repeat = kept.last().is_some_and(|last| last.position == fix.position);
        if !(is_repeat && may_move) {
            kept.push(*fix);
        }
    }
    kept
}

/// Without the repeats of a position that the car cannot have stood at so long, for it is too far away right after: a phone
/// that froze and said that it stood still.
fn without_frozen(fixes: &[GnssFix], options: &LabelOptions) -> Vec<GnssFix> {
    let mut kept: Vec<GnssFix> = Vec::new();
    let mut rest = fixes;
    while let Some(first) = rest.first() {
        let run = rest
            .iter()
            .take_while(|fix| fix.position == first.position)
            .count();
        let (same, after) = rest.split_at(run);
        let is_frozen = run > 1
            && after.first().is_some_and(|next| {
                let last = &same[run - 1];
                let dt_s = next.time.seconds_since(last.time);
                let start_mps = last.speed_mps.unwrap_or(0.0).max(next.speed_mps.unwrap_or(0.0));
                let top_mps = (start_mps + MAX_ACCELERATION_MPS2 * dt_s).min(options.matching.max_speed_mps);
                let reach_m = top_mps * dt_s + noise_m(last, next, options);
                last.position.distance_m(next.position) > reach_m
            });
        kept.extend_from_slice(if is_frozen { &same[..1] } else { same });
        rest = after;
    }
    kept
}

/// The longest sequence of fixes in which each can be driven to from the one before; a jump counts as many fixes lost.
fn without_jumps(fixes: &[GnssFix], options: &LabelOptions) -> Vec<GnssFix> {
    // For each fix: the value of the best sequence that ends there, and the fix before it in that sequence.
    let mut best: Vec<(i64, Option<usize>)> = Vec::with_capacity(fixes.len());
    for (i, fix) in fixes.iter().enumerate() {
        let mut here = (1, None);
        for j in (i.saturating_sub(LOOK_BACK)..i).rev() {
            let cost = if is_drivable(&fixes[j], fix, options) {
                0
            } else {
                JUMP_COST
            };
            let value = best[j].0 + 1 - cost;
            if value > here.0 {
                here = (value, Some(j));
            }
        }
        best.push(here);
    }
    let mut at = (0..fixes.len()).max_by_key(|&i| best[i].0);
    let mut kept = Vec::new();
    while let Some(i) = at {
        kept.push(fixes[i]);
        at = best[i].1;
    }
    kept.reverse();
    kept
}

fn is_drivable(from: &GnssFix, to: &GnssFix, options: &LabelOptions) -> bool {
    let reach_m =
        options.matching.max_speed_mps * to.time.seconds_since(from.time) + noise_m(from, to, options);
    from.position.distance_m(to.position) <= reach_m
}

fn noise_m(a: &GnssFix, b: &GnssFix, options: &LabelOptions) -> f64 {
    let sigma_m = |fix| options.matching.sigma_m(fix);
    NOISE_SIGMAS * libm::hypot(sigma_m(a), sigma_m(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{EastNorth, LatLon, LocalFrame};
    use crate::observation::SpeedSample;
    use crate::time::Time;

    fn fix(time_s: f64, east_m: f64, speed_mps: Option<f64>) -> GnssFix {
        let frame = LocalFrame::new(LatLon::new(47.0, 8.0));
        GnssFix {
            time: Time::from_millis(0).plus_seconds(time_s),
            position: frame.to_lat_lon(EastNorth { east_m, north_m: 0.0 }),
            accuracy_m: Some(5.0),
            speed_mps,
            bearing_deg: None,
        }
    }

    fn cleaned(fixes: &[GnssFix], wheel: &[SpeedSample]) -> (Vec<GnssFix>, LabelReport) {
        let mut report = LabelReport::default();
        let kept = clean(
            fixes,
            &Odometer::new(wheel),
            &LabelOptions::default(),
            &mut report,
        );
        (kept, report)
    }

    fn moving(count: u32) -> Vec<GnssFix> {
        (0..count)
            .map(|s| fix(f64::from(s), 15.0 * f64::from(s), Some(15.0)))
            .collect()
    }

    #[test]
    fn a_drive_without_defects_stays_whole() {
        let fixes = moving(60);
        assert_eq!(cleaned(&fixes, &[]), (fixes, LabelReport::default()));
    }

    #[test]
    fn a_repeated_position_is_stale_when_the_car_moves_and_right_when_it_stands() {
        let moving = [
            fix(0.0, 0.0, Some(15.0)),
            fix(1.0, 0.0, Some(15.0)),
            fix(7.0, 105.0, Some(15.0)),
        ];
        let (kept, report) = cleaned(&moving, &[]);
        assert_eq!((kept, report.stale), (vec![moving[0], moving[2]], 1));
        let standing = [
            fix(0.0, 0.0, Some(0.0)),
            fix(1.0, 0.0, Some(0.0)),
            fix(2.0, 1.0, Some(1.0)),
        ];
        assert_eq!(cleaned(&standing, &[]).0.len(), 3);
        let wheel: Vec<SpeedSample> = (0..3)
            .map(|s| SpeedSample {
                time: Time::from_millis(s * 1000),
                speed_mps: 9.0,
            })
            .collect();
        assert_eq!(cleaned(&standing, &wheel).1.stale, 1);
        assert_eq!(
            cleaned(
                &standing.map(|fix| GnssFix {
                    speed_mps: None,
                    ..fix
                }),
                &[]
            )
            .1
            .stale,
            1
        );
    }

    #[test]
    fn a_frozen_phone_that_says_it_stands_is_found_out_by_what_follows() {
        let mut fixes = moving(10);
        fixes.extend((10..70).map(|s| fix(f64::from(s), 135.0, Some(0.0))));
        fixes.extend((70..90).map(|s| fix(f64::from(s), 15.0 * f64::from(s), Some(15.0))));
        let (kept, report) = cleaned(&fixes, &[]);
        assert_eq!((kept.len(), report.stale, report.jumps), (30, 60, 0));
    }

    #[test]
    fn wild_fixes_are_dropped_and_a_moved_world_is_kept() {
        let mut fixes = moving(60);
        fixes[20] = fix(20.0, 9_000.0, Some(15.0));
        fixes[21] = fix(21.0, 9_015.0, Some(15.0));
        let (kept, report) = cleaned(&fixes, &[]);
        assert_eq!((kept.len(), report.jumps), (58, 2));
        for fix in &mut fixes[30..] {
            fix.position.lat_deg += 1.0;
        }
        let (kept, report) = cleaned(&fixes, &[]);
        assert_eq!((kept.len(), report.jumps), (58, 2));
    }

    #[test]
    fn senseless_values_are_dropped_or_ignored() {
        let mut fixes = moving(6);
        fixes[0].position.lat_deg = f64::NAN;
        fixes[1].accuracy_m = Some(250.0);
        fixes[2].accuracy_m = Some(-1.0);
        fixes[3].speed_mps = Some(f64::INFINITY);
        fixes[5].time = fixes[4].time;
        fixes.swap(2, 3);
        let (kept, report) = cleaned(&fixes, &[]);
        assert_eq!((report.invalid, report.inaccurate, report.repeated), (1, 1, 1));
        assert_eq!(kept.len(), 3);
        assert_eq!((kept[0].accuracy_m, kept[1].speed_mps), (None, None));
    }
}
