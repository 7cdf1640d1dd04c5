//! One simulated drive.

use fin_core::observation::{Drive, TruePosition};
use fin_core::time::Time;

use super::World;
use super::changes::RadioChanges;
use super::defects::Defects;
use super::gnss::{self, GnssQuality, stamp};
use super::noise::Ripple;
use super::phone::{self, PhoneQuality, ScanTiming};
use super::random::Stream;
use super::roads::{Route, to_degrees};
use super::traffic::{Motion, Traffic, Trajectory};
use super::wheel::{self, WheelQuality};

/// What to drive, and with what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriveConfig {
    /// Index into [`World::routes`].
    pub route: usize,
    /// Tells drives of the same world apart: the same number gives the same drive.
    pub number: u64,
    /// What the road is like.
    pub traffic: Traffic,
    /// How far before and after the tunnel the drive goes, metres; at most the open road that there is.
    pub approach_m: f64,
    /// Whether the car's wheel speed is recorded.
    pub wheel: bool,
    /// How often the cells are scanned.
    pub scans: ScanTiming,
    /// What is wrong with the scans.
    pub defects: Defects,
    /// What the operators have changed since the surveys.
    pub changes: RadioChanges,
    /// Index of the operator whose SIM card the phone has.
    pub operator: usize,
    /// When the drive starts.
    pub start: Time,
    /// True positions per second.
    pub truth_hz: f64,
}

impl DriveConfig {
    /// Drive `number` over `route`: free road, wheel speed, a scan a second, 1.2 km before and after the tunnel.
    pub fn new(route: usize, number: u64) -> Self {
        Self {
            route,
            number,
            traffic: Traffic::Free,
            approach_m: 1_200.0,
            wheel: true,
            scans: ScanTiming {
                ask_s: 1.0,
                refresh_s: 1.0,
            },
            defects: Defects::default(),
            changes: RadioChanges::default(),
            operator: 0,
            start: first_start(number),
            truth_hz: 5.0,
        }
    }
}

/// When drive `number` starts: a week after the one before, at a time of its own, from the summer of 2025 on.
pub(super) fn first_start(number: u64) -> Time {
    const FIRST_MS: i64 = 1_748_844_000_000;
    const WEEK_MS: i64 = 7 * 86_400_000;
    let number = (number % 10_000) as i64;
    Time::from_millis(FIRST_MS + number * WEEK_MS + (number * 7_919 % 36_000) * 1_000)
}

/// One simulated drive: what was recorded, what was true, and what lies behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedDrive {
    /// What the phone and the car recorded.
    pub drive: Drive,
    /// Where the car was.
    pub truth: Vec<TruePosition>,
    /// The same along the route, with the speed, one for one.
    pub motions: Vec<Motion>,
    /// How the sensors were on this drive.
    pub facts: DriveFacts,
}

/// How the sensors were on a drive; no file of the drive tells this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriveFacts {
    /// The phone's GNSS.
    pub gnss: GnssQuality,
    /// The phone's radio.
    pub phone: PhoneQuality,
    /// The car's wheel speed; also drawn when it is not recorded.
    pub wheel: WheelQuality,
    /// When the car goes into the tunnel and when it comes out; `None` when it does not get so far.
    pub tunnel: Option<(Time, Time)>,
}

/// Drives as `config` says. See [`World::drive`].
pub(super) fn simulate(world: &World, config: &DriveConfig) -> SimulatedDrive {
    let route = &world.roads.routes[config.route];
    let mut random = Stream::new(
        world.seed,
        "drive",
        config.number.wrapping_mul(64) + config.route as u64,
    );
    let seed = random.seed();
    let facts_of = |random: &mut Stream| {
        (
            GnssQuality::draw(random),
            PhoneQuality::draw(random),
            WheelQuality::draw(random),
        )
    };
    let (gnss, phone, wheel) = facts_of(&mut random);
    let from_m = (route.entry_m - config.approach_m * random.uniform(0.97, 1.03)).max(0.0);
    let to_m =
        (route.exit_m + config.approach_m * random.uniform(0.97, 1.03)).min(route.path.length_m() - 1.0);
    let trajectory = Trajectory::new(route, (from_m, to_m), config.traffic, seed);
    let lane = Lane::new(route, &mut random);
    let lane_m = |along_m: f64| lane.right_m(along_m);
    let clock = (config.start, seed);

    let radio = &world.operators[config.operator];
    let (coverage, cells) = config.changes.apply(
        &radio.coverages[config.route],
        &radio.network.cells,
        (world.seed, config.operator),
    );
    let scans = phone::scans(
        (&coverage, &cells, config.operator),
        &trajectory,
        (phone, config.scans),
        clock,
    );
    let drive = Drive {
        gnss: gnss::fixes(&trajectory, route, lane_m, gnss, clock),
        speed: if config.wheel {
            wheel::readings(&trajectory, wheel, clock)
        } else {
            Vec::new()
        },
        cells: config.defects.apply(scans, seed),
    };
    let times_s: Vec<f64> = (0..(trajectory.duration_s() * config.truth_hz) as usize)
        .map(|index| index as f64 / config.truth_hz)
        .collect();
    let motions: Vec<Motion> = times_s.iter().map(|&t_s| trajectory.at(t_s)).collect();
    let truth = std::iter::zip(&times_s, &motions).map(|(&t_s, motion)| TruePosition {
        time: stamp(config.start, t_s),
        position: to_degrees(route.path.at(motion.along_m).aside(lane_m(motion.along_m))),
    });
    let times = trajectory
        .time_at(route.entry_m)
        .zip(trajectory.time_at(route.exit_m));
    let tunnel = times.map(|(entry_s, exit_s)| (stamp(config.start, entry_s), stamp(config.start, exit_s)));
    let truth = truth.collect();
    SimulatedDrive {
        drive,
        truth,
        motions,
        facts: DriveFacts {
            gnss,
            phone,
            wheel,
            tunnel,
        },
    }
}

/// Where the car keeps across the road.
struct Lane {
    middle_m: f64,
    weave: Ripple,
}

impl Lane {
    fn new(route: &Route, random: &mut Stream) -> Self {
        // Half a lane right of the middle line, or in one of the two lanes of a one-way road.
        let middle_m = if route.two_way || random.chance(0.7) {
            1.7
        } else {
            -1.7
        };
        Self {
            middle_m,
            weave: Ripple::new(80.0, route.path.length_m(), random),
        }
    }

    fn right_m(&self, along_m: f64) -> f64 {
        self.middle_m + (0.2 * self.weave.at(along_m)).clamp(-0.6, 0.6)
    }
}
