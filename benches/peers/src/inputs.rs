//! Seeded series, and copies of them in files for the programs that are compared with.

use std::fs;
use std::path::Path;

/// Everything that is worked on.
pub struct Inputs {
    /// Two random walks each of 1000 and of 4000 samples.
    pub walks: [(Vec<f64>, Vec<f64>); 2],
    /// 120 frames and 16,000 of 16 levels, none missing.
    pub frames: (Vec<u8>, Vec<u8>),
    /// The same with one level in eight missing.
    pub gapped: (Vec<u8>, Vec<u8>),
    /// A query and 10,000 references of 256 samples, normalised walks.
    pub references: Vec<f32>,
    /// 50 noisy, warped copies of one walk of 512 samples.
    pub copies: Vec<f64>,
    /// 8 series of 100,000 measurements of a position in the plane.
    pub measured: Vec<f64>,
}

/// Channels of a frame.
pub const CHANNELS: usize = 16;
/// Samples of a reference, with the query as the first.
pub const REFERENCE: usize = 256;
/// Samples of a copy.
pub const COPY: usize = 512;
/// Measurements of a series.
pub const STEPS: usize = 100_000;

/// Numbers that are the same on every machine (Marsaglia 2003, xorshift64).
pub struct Random(pub u64);

impl Random {
    /// From 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Twelve uniform numbers are nearly normal, with a standard deviation of 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn walk(&mut self, samples: usize) -> Vec<f64> {
        let mut at = 0.0;
        // Sums of single precision are compared, so the walk is on values that it holds.
        (0..samples)
            .map(|_| {
                at += self.normal();
                f64::from(at as f32)
            })
            .collect()
    }

    fn levels(&mut self, frames: usize) -> Vec<u8> {
        let mut at = [45.0f64; CHANNELS];
        (0..frames)
            .flat_map(|_| {
                for level in &mut at {
                    *level = (*level + 1.5 * self.normal()).clamp(0.0, 97.0);
                }
                at.map(|level| level as u8)
            })
            .collect()
    }

    fn gapped(&mut self, levels: &[u8]) -> Vec<u8> {
        let gap = |level: &u8| if self.uniform() < 0.125 { 255 } else { *level };
        levels.iter().map(gap).collect()
    }
}

fn normalised(walk: Vec<f64>) -> impl Iterator<Item = f32> {
    let mean = walk.iter().sum::<f64>() / walk.len() as f64;
    let variance = walk.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / walk.len() as f64;
    walk.into_iter()
        .map(move |value| ((value - mean) / variance.sqrt()) as f32)
}

impl Inputs {
    /// The same inputs for the same seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let walks = [1000, 4000].map(|samples| (random.walk(samples), random.walk(samples)));
        let frames = (random.levels(120), random.levels(16_000));
        let gapped = (random.gapped(&frames.0), random.gapped(&frames.1));
        let references = (0..10_001)
            .flat_map(|_| normalised(random.walk(REFERENCE)))
            .collect();
        let model = random.walk(COPY);
        let copies = (0..50)
            .flat_map(|_| {
                let phase = random.uniform() * 6.0;
                let mut warped = |i: usize| {
                    let at = i as f64 + 12.0 * (i as f64 / 60.0 + phase).sin();
                    model[(at.max(0.0) as usize).min(COPY - 1)] + 0.3 * random.normal()
                };
                (0..COPY).map(&mut warped).collect::<Vec<f64>>()
            })
            .collect();
        let measured = (0..8)
            .flat_map(|_| {
                let (mut at, mut speed) = ([0.0; 2], [1.0, 0.5]);
                (0..STEPS)
                    .flat_map(|_| {
                        for axis in 0..2 {
                            speed[axis] += 0.1 * random.normal();
                            at[axis] += speed[axis];
                        }
                        at.map(|position| position + 2.0 * random.normal())
                    })
                    .collect::<Vec<f64>>()
            })
            .collect();
        Self {
            walks,
            frames,
            gapped,
            references,
            copies,
            measured,
        }
    }

    /// Writes them as bare little-endian numbers.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let doubles = |name: &str, values: &[f64]| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            fs::write(folder.join(name), bytes)
        };
        for (size, (a, b)) in [1000, 4000].iter().zip(&self.walks) {
            doubles(&format!("walk_a_{size}"), a)?;
            doubles(&format!("walk_b_{size}"), b)?;
        }
        doubles("copies", &self.copies)?;
        doubles("measured", &self.measured)?;
        for (name, (query, reference)) in [("frames", &self.frames), ("gapped", &self.gapped)] {
            fs::write(folder.join(format!("{name}_query")), query)?;
            fs::write(folder.join(format!("{name}_reference")), reference)?;
        }
        let bytes: Vec<u8> = self
            .references
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        fs::write(folder.join("references"), bytes)
    }
}
