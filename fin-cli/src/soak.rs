//! A long drive with everything that goes wrong with sensors, through one navigator.
//!
//! Recorded drives are strung together, their samples multiplied, and faults thrown in by chance. What comes out is checked at
//! every step: estimates are finite and on the roads, and every refusal is counted.

use fin_core::engine::{Diagnostics, EngineOptions, Estimate, Navigator, ObservationError, StepError};
use fin_core::fingerprint::format::{Atlas, FormatError, Source};
use fin_core::frame::LatLon;
use fin_core::observation::{Drive, Observation};
use fin_core::time::Time;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Seconds between one drive and the next.
const PAUSE_S: f64 = 5.0;

/// What to drive.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Time to drive, seconds.
    pub seconds: f64,
    /// Samples in place of each recorded one.
    pub rate: u32,
    /// Decides all faults.
    pub seed: u64,
}

/// Faults that were thrown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Times during which nothing came, of 1 to 120 s.
    pub gaps: u64,
    /// Observations that came twice.
    pub repeats: u64,
    /// Observations that came up to 2 s late.
    pub reorderings: u64,
    /// Observations that came more than 5 s late.
    pub late: u64,
    /// Values that are no numbers or out of range.
    pub nonsense: u64,
    /// Times at which the clock leapt, by up to an hour, forwards or back.
    pub clock_jumps: u64,
    /// Runs of 1 to 10 fixes somewhere else.
    pub teleports: u64,
}

/// What became of a long drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Time driven, hours.
    pub hours: f64,
    /// Observations fed in.
    pub observations: u64,
    /// Faults among them.
    pub faults: Faults,
    /// Observations refused because of a value.
    pub refused_values: u64,
    /// Observations refused as too late.
    pub refused_late: u64,
    /// Refusals as the engine counts them.
    pub refusals_counted: u64,
    /// Fixes that the gate refused or held back.
    pub fixes_not_taken: u64,
    /// Times that the engine took the clock to be set back.
    pub clocks_set_back: u64,
    /// Estimates given.
    pub estimates: u64,
    /// Estimates that are not finite, off the roads or out of range.
    pub bad_estimates: u64,
    /// Resident memory when a tenth was driven and at the end, kB; 0 where the system does not tell.
    pub resident_kb: (u64, u64),
}

/// Drives `drives` over and over, as `plan` says, on the database of `atlas`.
///
/// # Errors
/// A region of the database cannot be read.
///
/// # Panics
/// When `drives` has none with observations.
pub fn run<S: Source>(atlas: Atlas<S>, drives: &[Drive], plan: Plan) -> Result<Report, FormatError> {
    assert!(
        drives.iter().any(|drive| drive.span().is_some()),
        "there is something to drive"
    );
    let mut soak = Soak {
        navigator: Navigator::new(atlas, EngineOptions::default()),
        random: ChaCha8Rng::seed_from_u64(plan.seed),
        report: Report::default(),
        clock_s: 0.0,
    };
    let mut driven_s = 0.0;
    for drive in drives.iter().cycle() {
        let Some((first, last)) = drive.span() else {
            continue;
        };
        let shift_s = driven_s - first.as_nanos() as f64 * 1e-9;
        for observation in drive.observations() {
            soak.take_recorded(observation, shift_s, plan.rate)?;
        }
        driven_s += last.seconds_since(first) + PAUSE_S;
        if soak.report.resident_kb.0 == 0 && driven_s >= 0.1 * plan.seconds {
            soak.report.resident_kb.0 = resident_kb();
        }
        if driven_s >= plan.seconds {
            break;
        }
    }
    let diagnostics = soak.navigator.engine().diagnostics();
    Ok(Report {
        hours: driven_s / 3600.0,
        refusals_counted: diagnostics.observations_refused,
        fixes_not_taken: not_taken(diagnostics),
        clocks_set_back: diagnostics.clocks_set_back,
        resident_kb: (soak.report.resident_kb.0, resident_kb()),
        ..soak.report
    })
}

struct Soak<S> {
    navigator: Navigator<S>,
    random: ChaCha8Rng,
    report: Report,
    /// What the phone's clock is ahead, seconds.
    clock_s: f64,
}

impl<S: Source> Soak<S> {
    /// Feeds a recorded observation and those made up after it, with faults.
    fn take_recorded(
        &mut self,
        observation: Observation,
        shift_s: f64,
        rate: u32,
    ) -> Result<(), FormatError> {
        for copy in 0..rate {
            let mut made = observation.clone();
            vary(&mut made, &mut self.random, copy);
            let ahead_s = shift_s + self.clock_s + 0.9 / f64::from(rate) * f64::from(copy);
            set_time(&mut made, observation.time().plus_seconds(ahead_s));
            self.with_faults(made)?;
        }
        Ok(())
    }

    fn with_faults(&mut self, observation: Observation) -> Result<(), FormatError> {
        match self.random.random_range(0..40_000_u32) {
            0..4 => {
                // Time goes on and nothing comes.
                self.report.faults.gaps += 1;
                self.clock_s += self.random.random_range(1.0..120.0);
            }
            4..400 => {
                self.report.faults.repeats += 1;
                self.feed(&observation)?;
            }
            400..800 => {
                self.report.faults.reorderings += 1;
                return self.feed_late(&observation, 0.1..2.0);
            }
            800..900 => {
                self.report.faults.late += 1;
                return self.feed_late(&observation, 5.5..600.0);
            }
            900..1000 => {
                self.report.faults.nonsense += 1;
                let mut broken = observation.clone();
                spoil(&mut broken, &mut self.random);
                self.feed(&broken)?;
            }
            1000..1004 => {
                self.report.faults.clock_jumps += 1;
                self.clock_s += self.random.random_range(-3600.0..3600.0);
            }
            1004..1024 => {
                self.report.faults.teleports += 1;
                for _ in 0..self.random.random_range(1..=10) {
                    self.feed_elsewhere(&observation)?;
                }
            }
            _ => {}
        }
        self.feed(&observation)
    }

    fn feed_late(
        &mut self,
        observation: &Observation,
        late_s: std::ops::Range<f64>,
    ) -> Result<(), FormatError> {
        let mut late = observation.clone();
        let time = late.time().plus_seconds(-self.random.random_range(late_s));
        set_time(&mut late, time);
        self.feed(&late)
    }

    fn feed_elsewhere(&mut self, observation: &Observation) -> Result<(), FormatError> {
        let Observation::Gnss(fix) = observation else {
            return Ok(());
        };
        let mut elsewhere = *fix;
        let mut moved = |deg: f64| deg + self.random.random_range(-0.05..0.05);
        elsewhere.position = LatLon::new(moved(fix.position.lat_deg), moved(fix.position.lon_deg));
        self.feed(&Observation::Gnss(elsewhere))
    }

    fn feed(&mut self, observation: &Observation) -> Result<(), FormatError> {
        let report = &mut self.report;
        report.observations += 1;
        let estimates = match self.navigator.step(observation) {
            Ok(estimate) => [
                estimate,
                self.navigator.predict(observation.time().plus_seconds(1.0)),
            ],
            Err(StepError::Region { reason, .. }) => return Err(reason),
            Err(StepError::Observation(ObservationError::Value { .. })) => {
                report.refused_values += 1;
                return Ok(());
            }
            Err(StepError::Observation(ObservationError::Late { .. })) => {
                report.refused_late += 1;
                return Ok(());
            }
        };
        for estimate in estimates.into_iter().flatten() {
            report.estimates += 1;
            report.bad_estimates += u64::from(!is_sound(&estimate, &self.navigator));
        }
        Ok(())
    }
}

/// Whether `estimate` is of finite numbers within their ranges, on an edge of the roads where it says to be.
fn is_sound<S: Source>(estimate: &Estimate, navigator: &Navigator<S>) -> bool {
    let network = &navigator.engine().db().network;
    let finite = |value: Option<f64>| value.is_none_or(f64::is_finite);
    let on_road = estimate.road.is_none_or(|road| {
        road.edge.index() < network.edge_count()
            && (-1e-6..=network.edge(road.edge).length_m + 1e-6).contains(&road.edge_offset_m)
            && network
                .point_at(road.edge, road.edge_offset_m)
                .position
                .distance_m(estimate.position)
                < 0.1
    });
    on_road
        && estimate.position.is_valid()
        && estimate.accuracy_m.is_finite()
        && estimate.accuracy95_m.is_finite()
        && (0.0..=estimate.accuracy95_m).contains(&estimate.accuracy_m)
        && finite(estimate.speed_mps)
        && finite(estimate.bearing_deg)
        && (-1e-9..=1.0 + 1e-9).contains(&estimate.branch_probability)
}

fn not_taken(d: &Diagnostics) -> u64 {
    d.fixes_inaccurate + d.fixes_stale + d.fixes_inside + d.fixes_outlying + d.fixes_awaiting
}

fn set_time(observation: &mut Observation, time: Time) {
    match observation {
        Observation::Gnss(fix) => fix.time = time,
        Observation::Speed(sample) => sample.time = time,
        Observation::Cells(scan) => scan.time = time,
    }
}

/// Makes a sample between two recorded ones of the one before: moved as the car moves, with noise.
fn vary(observation: &mut Observation, random: &mut impl Rng, copy: u32) {
    if copy == 0 {
        return;
    }
    match observation {
        Observation::Gnss(fix) => {
            let mut noise_deg = || random.random_range(-1e-5..1e-5);
            fix.position = LatLon::new(
                fix.position.lat_deg + noise_deg(),
                fix.position.lon_deg + noise_deg(),
            );
        }
        Observation::Speed(sample) => {
            sample.speed_mps = (sample.speed_mps + random.random_range(-0.2..0.2)).max(0.0)
        }
        Observation::Cells(scan) => {
            for level in scan
                .cells
                .iter_mut()
                .filter_map(|reading| reading.rsrp_dbm.as_mut())
            {
                *level += random.random_range(-1.0..1.0);
            }
        }
    }
}

/// Puts something into the observation that is no measurement.
fn spoil(observation: &mut Observation, random: &mut impl Rng) {
    let nonsense = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e9];
    let value = nonsense[random.random_range(0..nonsense.len())];
    match observation {
        Observation::Gnss(fix) => match random.random_range(0..4) {
            0 => fix.position.lat_deg = value,
            1 => fix.position.lon_deg = value,
            2 => fix.accuracy_m = Some(value),
            _ => fix.speed_mps = Some(value),
        },
        Observation::Speed(sample) => sample.speed_mps = value,
        Observation::Cells(scan) => {
            if let Some(reading) = scan.cells.first_mut() {
                reading.rsrp_dbm = Some(value);
            }
        }
    }
}

/// Resident memory of this process, kB; 0 where the system does not tell.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}
