//! Progress on stderr: bars on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for `items` pieces of work called `what`; hidden unless stderr is a terminal.
pub fn bar(what: &'static str, items: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(items as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix:>20} [{bar:30}] {pos}/{len}");
    bar.set_style(style.expect("the template is well formed").progress_chars("=> "));
    bar.set_prefix(what);
    bar
}
