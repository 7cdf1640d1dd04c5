//! Comparing drives with each other until all that are left agree: clocks corrected, drives refused.

use super::chain::Chains;
use super::clock::{Verdict, check};
use super::coarse::CoarseField;
use super::offsets::level_offsets;
use super::pass::SurveyPass;
use super::placed::{KnownScan, PlacedScan, place_scans};
use super::report::Refusal;
use super::runner::{Runner, Stage};

/// A drive is not refused for a mismatch smaller than this, dB…
const MIN_BAD_DB: f64 = 6.0;
/// …or than this many times that of the median drive.
const BAD_FACTOR: f64 = 2.0;
/// A clock is set so often at most: once, and once more after the others have been set.
const MAX_SETTINGS: u32 = 2;

/// One drive to be compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contender<'a> {
    /// Where it was.
    pub(super) pass: &'a SurveyPass,
    /// What it heard.
    pub(super) scans: &'a [KnownScan],
}

/// What the comparison found for one drive.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Finding {
    /// What to add to the times of its scans, seconds.
    pub(super) shift_s: f64,
    /// Why it cannot be used.
    pub(super) refused: Option<Refusal>,
    settings: u32,
}

/// What has to be done to one drive before the others are judged again.
enum Action {
    Shift { shift_s: f64 },
    Refuse(Refusal),
}

/// The finding for each of `drives`, which are compared with each other and with what an earlier database, if any, says.
///
/// Only the clearest case is acted on before all suspects are judged again, so that a drive with a wrong clock does not
/// make those that it is compared with look wrong.
pub(super) fn compare(
    drives: &[Contender<'_>],
    former: &[PlacedScan<'_>],
    chains: &Chains,
    runner: &impl Runner,
) -> Vec<Finding> {
    let mut findings = vec![Finding::default(); drives.len()];
    let all: Vec<usize> = (0..drives.len()).collect();
    let mut judged = all.clone();
    let mut verdicts = vec![Verdict::Unknown; drives.len()];
    loop {
        for (&drive, verdict) in judged
            .iter()
            .zip(judge(drives, former, &findings, &judged, chains, runner))
        {
            verdicts[drive] = verdict;
        }
        let typical_db = median_mismatch(&verdicts);
        let action = next_action(&verdicts, &findings, typical_db);
        match action {
            Some((drive, action)) => {
                match action {
                    Action::Shift { shift_s } => {
                        findings[drive].shift_s += shift_s;
                        findings[drive].settings += 1;
                    }
                    Action::Refuse(reason) => {
                        findings[drive].refused = Some(reason);
                        verdicts[drive] = Verdict::Unknown;
                    }
                }
                judged = all
                    .iter()
                    .copied()
                    .filter(|&i| is_suspect(verdicts[i], typical_db))
                    .collect();
            }
            None if judged.len() < all.len() => judged = all.clone(),
            None => return findings,
        }
    }
}

/// The scans of each drive at their places, none for refused ones.
pub(super) fn place_all<'a>(
    drives: &[Contender<'a>],
    findings: &[Finding],
    chains: &Chains,
    runner: &impl Runner,
) -> Vec<Vec<PlacedScan<'a>>> {
    let items: Vec<(&Contender<'a>, &Finding)> = drives.iter().zip(findings).collect();
    runner.map(Stage::Compare, &items, |(drive, finding)| match finding.refused {
        None => place_scans(drive.pass, drive.scans, chains, finding.shift_s),
        Some(_) => Vec::new(),
    })
}

fn judge(
    drives: &[Contender<'_>],
    former: &[PlacedScan<'_>],
    findings: &[Finding],
    judged: &[usize],
    chains: &Chains,
    runner: &impl Runner,
) -> Vec<Verdict> {
    let mut placed = place_all(drives, findings, chains, runner);
    if !former.is_empty() {
        placed.push(former.to_vec());
    }
    let offsets_db = level_offsets(&placed, !former.is_empty());
    let field = CoarseField::new(&placed, &offsets_db);
    runner.map(Stage::Compare, judged, |&i| {
        let others = field.without(&placed[i], offsets_db[i]);
        check(
            drives[i].pass,
            &placed[i],
            drives[i].scans,
            chains,
            &others,
            findings[i].shift_s,
        )
    })
}

/// Median of the mismatches of those drives that could be compared; infinite for fewer than three, so that none of them is
/// called unusual.
fn median_mismatch(verdicts: &[Verdict]) -> f64 {
    let known = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Fits { mismatch_db } | Verdict::Ambiguous { mismatch_db } => Some(*mismatch_db),
        Verdict::Unknown | Verdict::Shifted { .. } => None,
    });
    let mut known: Vec<f64> = known.collect();
    known.sort_by(f64::total_cmp);
    if known.len() < 3 {
        f64::INFINITY
    } else {
        known[known.len() / 2]
    }
}

fn is_bad(mismatch_db: f64, typical_db: f64) -> bool {
    mismatch_db > MIN_BAD_DB.max(BAD_FACTOR * typical_db)
}

fn is_suspect(verdict: Verdict, typical_db: f64) -> bool {
    match verdict {
        Verdict::Unknown => false,
        Verdict::Fits { mismatch_db } => is_bad(mismatch_db, typical_db),
        Verdict::Shifted { .. } | Verdict::Ambiguous { .. } => true,
    }
}

/// The clearest correction that is left to make, else the worst drive that has to go, else nothing.
fn next_action(verdicts: &[Verdict], findings: &[Finding], typical_db: f64) -> Option<(usize, Action)> {
    let shifts = verdicts
        .iter()
        .enumerate()
        .filter_map(|(i, verdict)| match *verdict {
            Verdict::Shifted { shift_s, share_left } if findings[i].settings < MAX_SETTINGS => {
                Some((i, shift_s, share_left))
            }
            _ => None,
        });
    if let Some((drive, shift_s, _)) = shifts.min_by(|a, b| a.2.total_cmp(&b.2)) {
        return Some((drive, Action::Shift { shift_s }));
    }
    let bad = verdicts.iter().enumerate().filter_map(|(i, verdict)| {
        let (mismatch_db, reason) = match *verdict {
            Verdict::Fits { mismatch_db } => (
                mismatch_db,
                Refusal::Disagrees {
                    mismatch_db,
                    typical_db,
                },
            ),
            Verdict::Ambiguous { mismatch_db } => (
                mismatch_db,
                Refusal::AmbiguousClock {
                    mismatch_db,
                    typical_db,
                },
            ),
            Verdict::Unknown | Verdict::Shifted { .. } => return None,
        };
        is_bad(mismatch_db, typical_db).then_some((i, mismatch_db, reason))
    });
    let (drive, _, reason) = bad.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((drive, Action::Refuse(reason)))
}
