//! Readings that tell of something else than the place: of a burst of interference, or of another cell on the same channel with the
//! same code.

/// Mean likelihood where the car is thought to be below which a reading is unlikely, against that of one that fits. Chosen on simulated
/// drives, like the next.
const UNLIKELY: f32 = 0.05;
/// The same above which it is likely.
const LIKELY: f32 = 0.135;

/// What is thought of the car before a scan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prior<'a> {
    /// How likely it is at each place of the window, summing to about 1; empty where nothing is thought, as in a search.
    pub places: &'a [f32],
    /// The gait at which it is thought to move.
    pub gait: usize,
}

/// How likely the readings of a scan are where the car is thought to be, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidences(Vec<f32>);

impl Evidences {
    /// Those of readings whose `likelihoods` are given place by place, gait after gait of `gaits`, reading after reading.
    pub(super) fn weigh(&mut self, likelihoods: &[f32], gaits: usize, prior: Prior<'_>) {
        let points = prior.places.len();
        self.0.clear();
        if points > 0 {
            let readings = likelihoods.chunks_exact(points * gaits);
            let moving = readings.map(|rows| &rows[prior.gait.min(gaits - 1) * points..][..points]);
            self.0.extend(moving.map(|row| {
                let weighed = prior.places.iter().zip(row).map(|(place, row)| place * row);
                weighed.sum::<f32>()
            }));
        }
    }

    /// The mean likelihood of a reading that is not to tell of the place: it is unlikely, while at least one and at least half of the
    /// others are likely. When most are unlikely the car may be elsewhere, and they are what finds it.
    pub(super) fn of_outlying(&self, reading: usize) -> Option<f32> {
        let likely = self.0.iter().filter(|&&evidence| evidence > LIKELY).count();
        let others_fit = likely > 0 && 2 * likely + 1 >= self.0.len();
        let evidence = self.0.get(reading).copied();
        evidence.filter(|&evidence| others_fit && evidence < UNLIKELY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of some readings outlie that are as likely as this at one of two places, where the car is.
    fn outlying(likelihoods: &[f32]) -> Vec<bool> {
        let rows: Vec<f32> = likelihoods
            .iter()
            .flat_map(|&here| [here, 1.0, 0.5, 0.5])
            .collect();
        let mut evidences = Evidences::default();
        let prior = Prior {
            places: &[1.0, 0.0],
            gait: 0,
        };
        evidences.weigh(&rows, 2, prior);
        (0..likelihoods.len())
            .map(|reading| evidences.of_outlying(reading).is_some())
            .collect()
    }

    #[test]
    fn one_reading_that_does_not_fit_among_some_that_do_outlies() {
        assert_eq!(outlying(&[0.01, 0.9]), [true, false]);
        assert_eq!(outlying(&[0.6, 0.01, 0.1]), [false, true, false]);
        assert_eq!(
            outlying(&[0.01, 0.02, 0.9, 0.8, 0.3]),
            [true, true, false, false, false]
        );
    }

    #[test]
    fn readings_that_find_a_lost_car_do_not() {
        assert_eq!(outlying(&[0.01]), [false]);
        assert_eq!(outlying(&[0.01, 0.02]), [false; 2]);
        assert_eq!(outlying(&[0.01, 0.02, 0.03, 0.9]), [false; 4]);
    }

    #[test]
    fn where_nothing_is_thought_of_the_car_nothing_outlies() {
        let mut evidences = Evidences::default();
        evidences.weigh(&[0.0, 0.9, 0.9, 0.9], 1, Prior::default());
        assert_eq!(evidences.of_outlying(0), None);
    }
}
