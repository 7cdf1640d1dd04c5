//! What it says of a place that a share of the survey passes heard a cell there.

/// Logarithms of shares of passes, worked out once.
#[derive(Clone, Debug, Default)]
pub(super) struct SharesOfPasses {
    /// Passes that are taken to have heard any cell anywhere.
    unheard: f64,
    /// ln(count + unheard) and ln(count + 1), by count.
    logs: Vec<(f32, f32)>,
}

impl SharesOfPasses {
    /// Takes `unheard` passes to have heard any cell anywhere.
    pub(super) fn expect(&mut self, unheard: f64) {
        if self.unheard != unheard {
            self.unheard = unheard;
            self.logs.clear();
        }
    }

    /// ln((count + unheard) / (passes + 1)).
    pub(super) fn log(&mut self, count: u16, passes: u16) -> f32 {
        let passes = passes.max(count);
        for known in self.logs.len()..=usize::from(passes) {
            let count = known as f64;
            let logs = (libm::log(count + self.unheard), libm::log(count + 1.0));
            self.logs.push((logs.0 as f32, logs.1 as f32));
        }
        self.logs[usize::from(count)].0 - self.logs[usize::from(passes)].1
    }
}
