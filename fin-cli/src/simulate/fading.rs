//! How the level of one cell on one drive differs from the level on every day.

use super::noise::Ripple;
use super::random::Stream;

/// Standard deviation of what the day changes, dB: parked lorries, leaves, another lane, another load of the network.
const DAY_DB: f64 = 1.6;
/// Ratio of the steady to the scattered power of the quick fading after averaging over the bandwidth.
const RICE: f64 = 45.0;
/// Length of the quick fading, metres.
const QUICK_M: f64 = 2.5;
/// Measurements that share a piece of interference noise: 2.4 s, so that the noise is forgotten after three.
const MEMORY: usize = 12;
/// Standard deviation of that noise, dB.
const MEMORY_DB: f64 = 1.0;
/// Share of the time in which something odd happens to a cell: a burst of interference, a wrong lock, a blocked path. The
/// first is for the strongest cell of a channel, the second for one that is drowned by [`DROWNED_DB`].
const ODD_SHARE: (f64, f64) = (0.012, 0.11);
/// How far below the strongest on its channel a cell is drowned, dB.
const DROWNED_DB: f64 = 10.0;
/// Mean size of an odd thing beyond its least, and its least, dB.
const ODD_DB: (f64, f64) = (7.0, 3.0);

/// The difference, as it develops.
#[derive(Debug)]
pub(super) struct Fading {
    day: Ripple,
    quick: [Ripple; 2],
    /// How much noisier this cell is than others.
    unrest: f64,
    memory: Vec<f64>,
    odd_until_s: f64,
    odd_db: f64,
}

impl Fading {
    /// A new drive's fading of one cell over a route of `length_m`; drives share what their `seed` says of the day.
    pub(super) fn new(length_m: f64, seed: u64, random: &mut Stream) -> Self {
        let spacing_m = Stream::new(seed, "day", 0).uniform(22.0, 50.0);
        Self {
            day: Ripple::new(spacing_m, length_m, random),
            quick: [(); 2].map(|()| Ripple::new(QUICK_M, length_m, random)),
            unrest: libm::exp(0.4 * random.normal()).clamp(0.5, 2.5),
            memory: (0..MEMORY).map(|_| random.normal()).collect(),
            odd_until_s: f64::MIN,
            odd_db: 0.0,
        }
    }

    /// The difference in dB at `along_m` of the route, one measurement after the last call, at `t_s`, for a cell that is
    /// `below_db` weaker than the strongest on its channel.
    pub(super) fn step(&mut self, (along_m, t_s): (f64, f64), below_db: f64, random: &mut Stream) -> f64 {
        self.memory.remove(0);
        self.memory.push(random.normal());
        let memory_db = MEMORY_DB * self.memory.iter().sum::<f64>() / (MEMORY as f64).sqrt();
        // Episodes last two seconds on average, and 5 measurements make a second.
        let share = ODD_SHARE.0 + (ODD_SHARE.1 - ODD_SHARE.0) * (below_db / DROWNED_DB).clamp(0.0, 1.0);
        if t_s > self.odd_until_s && random.chance(share / (2.0 * 5.0)) {
            self.odd_until_s = t_s + random.uniform(1.0, 3.0);
            let sign = if random.chance(0.7) { -1.0 } else { 1.0 };
            self.odd_db = sign * (ODD_DB.1 + random.exponential(ODD_DB.0)).min(30.0);
        }
        let odd_db = if t_s <= self.odd_until_s { self.odd_db } else { 0.0 };
        DAY_DB * self.day.at(along_m) + self.quick_db(along_m) + self.unrest * (memory_db + odd_db)
    }

    /// Rician fading: a steady wave and scattered ones that add up differently every few metres.
    fn quick_db(&self, along_m: f64) -> f64 {
        let scatter = (0.5 / (RICE + 1.0)).sqrt();
        let x = (RICE / (RICE + 1.0)).sqrt() + scatter * self.quick[0].at(along_m);
        let y = scatter * self.quick[1].at(along_m);
        10.0 * libm::log10((x * x + y * y).max(1e-6))
    }
}
