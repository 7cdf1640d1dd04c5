//! The best sequence of hidden states, by dynamic programming.
//!
//! Viterbi 1967, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm".
//! Scores are natural logarithms; −∞ means impossible.

/// A trellis that is grown column by column.
#[derive(Clone, Debug)]
pub(super) struct Trellis {
    /// Score of the best sequence that ends in each state of the last column.
    scores: Vec<f64>,
    /// For each state of each later column, the state of the column before that its best sequence comes from.
    origins: Vec<Vec<usize>>,
}

impl Trellis {
    /// The trellis of one column, whose states have these scores.
    pub(super) fn start(emissions: Vec<f64>) -> Trellis {
        Trellis {
            scores: emissions,
            origins: Vec::new(),
        }
    }

    /// Whether state `i` of the last column ends a possible sequence.
    pub(super) fn is_alive(&self, i: usize) -> bool {
        self.scores[i] > f64::NEG_INFINITY
    }

    /// Adds a column whose states have the scores `emissions`; `transitions[i][j]` is the score of going from state i of
    /// the last column to state j of the new one. Returns `false`, and leaves the trellis as it was, when no sequence
    /// leads into the new column. Of equally good origins the first is taken.
    pub(super) fn advance(&mut self, transitions: &[Vec<f64>], emissions: &[f64]) -> bool {
        let mut scores = vec![f64::NEG_INFINITY; emissions.len()];
        let mut origins = vec![0; emissions.len()];
        for (i, row) in transitions.iter().enumerate() {
            for (j, transition) in row.iter().enumerate() {
                let score = self.scores[i] + transition + emissions[j];
                if score > scores[j] {
                    (scores[j], origins[j]) = (score, i);
                }
            }
        }
        let reached = scores.iter().any(|score| *score > f64::NEG_INFINITY);
        if reached {
            self.scores = scores;
            self.origins.push(origins);
        }
        reached
    }

    /// The best sequence, one state per column, and its score; of equally good ones, that of the lowest last state.
    pub(super) fn best(&self) -> (Vec<usize>, f64) {
        let mut last = 0;
        for (i, score) in self.scores.iter().enumerate() {
            if *score > self.scores[last] {
                last = i;
            }
        }
        let score = self.scores[last];
        let mut states = vec![last];
        for origins in self.origins.iter().rev() {
            last = origins[last];
            states.push(last);
        }
        states.reverse();
        (states, score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The specification: try every sequence.
    fn brute_force(emissions: &[Vec<f64>], transitions: &[Vec<Vec<f64>>]) -> f64 {
        fn go(column: usize, state: usize, emissions: &[Vec<f64>], transitions: &[Vec<Vec<f64>>]) -> f64 {
            let onward = transitions.get(column).map_or(0.0, |table| {
                let next = (0..emissions[column + 1].len())
                    .map(|j| table[state][j] + go(column + 1, j, emissions, transitions));
                next.fold(f64::NEG_INFINITY, f64::max)
            });
            emissions[column][state] + onward
        }
        (0..emissions[0].len())
            .map(|i| go(0, i, emissions, transitions))
            .fold(f64::NEG_INFINITY, f64::max)
    }

    fn score() -> impl Strategy<Value = f64> {
        prop_oneof![4 => -20.0..0.0_f64, 1 => Just(f64::NEG_INFINITY)]
    }

    proptest! {
        #[test]
        fn no_sequence_is_better_than_the_one_found(
            emissions in proptest::collection::vec(proptest::collection::vec(-20.0..0.0_f64, 3), 1..6),
            flat in proptest::collection::vec(score(), 9 * 5),
        ) {
            let transitions: Vec<Vec<Vec<f64>>> = (0..emissions.len() - 1)
                .map(|t| (0..3).map(|i| flat[9 * t + 3 * i..9 * t + 3 * i + 3].to_vec()).collect())
                .collect();
            let expected = brute_force(&emissions, &transitions);
            let mut trellis = Trellis::start(emissions[0].clone());
            let reached = transitions.iter().zip(&emissions[1..]).all(|(table, e)| trellis.advance(table, e));
            prop_assert_eq!(reached, expected > f64::NEG_INFINITY);
            if reached {
                let (states, score) = trellis.best();
                prop_assert!((score - expected).abs() < 1e-9);
                let walked: f64 = emissions.iter().zip(&states).map(|(e, &s)| e[s]).sum::<f64>()
                    + transitions.iter().zip(states.windows(2)).map(|(t, s)| t[s[0]][s[1]]).sum::<f64>();
                prop_assert!((walked - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_column_out_of_reach_changes_nothing() {
        let mut trellis = Trellis::start(vec![-1.0, -2.0]);
        let wall = vec![vec![f64::NEG_INFINITY]; 2];
        assert!(!trellis.advance(&wall, &[0.0]));
        assert_eq!(trellis.best(), (vec![0], -1.0));
    }
}
