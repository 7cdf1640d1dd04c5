//! How the mass of a row over places lies: its median, and how far about it how much of it is.

use serde::{Deserialize, Serialize};

/// How the mass of a row lies, as fractional indices and numbers of steps. Kept with the row: it is asked for at every
/// observation and every second, and the row changes only with scans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    /// The median.
    pub median: f64,
    /// Half-widths about the median of the 68 % and the 95 % interval.
    pub half68: f64,
    pub half95: f64,
    /// Indices between which all is, but for a ten-thousandth.
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// That of the mass of `row`.
    pub(super) fn of(row: &[f32]) -> Spread {
        let total: f64 = row.iter().map(|&p| f64::from(p)).sum();
        let median = quantile(row, 0.5 * total);
        Spread {
            median,
            half68: half_width(row, median, 0.68 * total),
            half95: half_width(row, median, 0.95 * total),
            low: quantile(row, 0.5e-4 * total),
            high: quantile(row, (1.0 - 0.5e-4) * total),
        }
    }
}

/// The fractional index below which `mass` of `row` lies; each entry's mass is spread over its step.
fn quantile(row: &[f32], mass: f64) -> f64 {
    let mut left = mass;
    for (j, &p) in row.iter().enumerate() {
        let p = f64::from(p);
        if p > 0.0 && left <= p {
            return j as f64 - 0.5 + left / p;
        }
        left -= p;
    }
    row.len() as f64 - 0.5
}

/// The half-width about the fractional index `centre` within which `mass` of `row` lies, found by going outwards from one end of
/// an entry's step to the next, on either side.
pub(super) fn half_width(row: &[f32], centre: f64, mass: f64) -> f64 {
    let entries = row.len() as isize;
    let entry = |j: isize| usize::try_from(j).ok().and_then(|j| row.get(j));
    let here = libm::floor(centre + 0.5) as isize;
    let (mut behind, mut ahead) = (here, here);
    let (mut half, mut left) = (0.0, mass);
    while behind >= 0 || ahead < entries {
        let per_step: f64 = [behind, ahead]
            .into_iter()
            .filter_map(entry)
            .map(|&p| f64::from(p))
            .sum();
        let (to_behind, to_ahead) = (centre - behind as f64 + 0.5, ahead as f64 + 0.5 - centre);
        let next = to_behind.min(to_ahead);
        let between = (next - half) * per_step;
        if per_step > 0.0 && between >= left {
            return half + left / per_step;
        }
        left -= between;
        half = next;
        if to_behind <= next {
            behind -= 1;
        } else {
            ahead += 1;
        }
    }
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_half_widths_of_a_gaussian() {
        let row: Vec<f32> = (0..200)
            .map(|j| (-0.5 * ((j as f32 - 90.3) / 12.0).powi(2)).exp())
            .collect();
        let total: f64 = row.iter().map(|&p| f64::from(p)).sum();
        let median = quantile(&row, 0.5 * total);
        assert!((median - 90.3).abs() < 0.02, "{median}");
        assert!((half_width(&row, median, 0.6827 * total) - 12.0).abs() < 0.05);
        assert!((half_width(&row, median, 0.9545 * total) - 24.0).abs() < 0.1);
    }

    #[test]
    fn a_half_width_ends_where_the_row_does() {
        let row = [0.5, 0.0, 0.0, 0.5];
        assert_eq!(half_width(&row, 0.0, 0.25), 0.25);
        assert_eq!(half_width(&row, 0.0, 0.5), 0.5);
        assert_eq!(half_width(&row, 0.0, 0.75), 3.0);
        assert_eq!(half_width(&row, 0.0, 2.0), 3.5);
    }
}
