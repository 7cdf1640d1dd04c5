//! The tables as Markdown.

use std::fmt::Write as _;

use fin_cli::evaluate::Summary;

use crate::{cases, cork, jack_lynch, simulated};

const HEAD: &str = "median | 68 % | 95 % | max | exit | over | in 68 % | in 95 % | wrong branch";
const LINE: &str = "---|---|---|---|---|---|---|---|---";

const INTRODUCTION: &str = "# Accuracy

Errors are metres along the road between the estimate and the true position, at most one a second, while the car is
inside a tunnel; on another branch the straight distance. *exit*: median and 95 % of the absolute errors at the last positions
inside, from which the answer goes over to the fixes. *over*: 95 % and greatest of the steps that the car did not make while it does: the greatest
change of the error from one second to the next one at which the answer goes by fixes, up to 20 s after the tunnel. *in 68 %*, *in 95 %*: share of the errors within the half-widths that the engine stated. Estimates rest on
nothing that came after them.

This file is written by

```sh
cargo run --release --example accuracy -- --cork ../shared/data/cork_5g --out docs/accuracy.md
```

";

/// The whole report.
pub fn markdown(
    seeds: &[u64],
    simulated: &[simulated::Row],
    hard: Option<&HardCases>,
    cork: Option<&[cork::Row]>,
    jack_lynch: Option<&[jack_lynch::Pass]>,
) -> String {
    let mut text = INTRODUCTION.to_owned();
    if let (Some(first), Some(last)) = (seeds.first(), seeds.last()) {
        let _ = write!(
            text,
            "## Simulated tunnels\n\nTowns with the seeds {first} to {last}, none of which was used in development, \
             for each kind of tunnel. Five survey drives over each route, in free and varying traffic; the two directions of \
             tube2km and long are routes of their own, whose surveys tell of each other. Two test drives over each route \
             in each traffic, with a scan a second. `fin simulate` makes the same towns and drives; \
             `docs/simulation.md` says what they are like.\n\n"
        );
        let _ = writeln!(
            text,
            "| tunnel | traffic | inputs | drives | {HEAD} |\n|---|---|---|---|{LINE}|"
        );
        for row in simulated {
            let (tunnel, traffic, inputs) = (row.scenario, row.traffic, row.inputs);
            let _ = writeln!(
                text,
                "| {tunnel} | {traffic} | {inputs} | {} | {} |",
                row.drives,
                cells(&row.summary)
            );
        }
        let (in68, in95) = simulated::coverage(simulated);
        let fluent: Vec<_> = simulated
            .iter()
            .filter(|row| row.traffic != "jam")
            .cloned()
            .collect();
        let (fluent68, fluent95) = simulated::coverage(&fluent);
        let _ = writeln!(
            text,
            "\nInside the stated 68 % and 95 % intervals, over all positions: {:.0} % and {:.0} %; without the jams {:.0} % and \
             {:.0} %.",
            100.0 * in68,
            100.0 * in95,
            100.0 * fluent68,
            100.0 * fluent95
        );
        text.push('\n');
    }
    if let Some(hard) = hard {
        write_hard_cases(&mut text, seeds, hard);
    }
    if let Some(rows) = cork {
        text.push_str(
            "## Open road declared a tunnel\n\nPasses of a 5.4 km road in Cork, recorded by a phone in 2019 (Raca et \
             al. 2020, *Beyond Throughput, The Next Generation*, ACM MMSys): serving cell only, a fix every 105 m, no \
             wheel speed. Each pass in turn is the drive and the others of the same direction, or of both directions, are \
             the survey. Fixes inside the declared tunnel are hidden and the estimates scored at them; their own error of some metres \
             and some tenths of a second is part of the figures, which is why the coverage is low where errors are \
             small. Wheel speed is made from the fixes, with scale errors of −3, −0.65 and +3 % and in whole km/h. *bound*: \
             as in the hard cases, for a car that drives straight from fix to fix; it knows nothing of the fixes' own errors.\n\n",
        );
        let _ = writeln!(
            text,
            "| declared tunnel, m | survey | inputs | drives | bound | {HEAD} |\n|---|---|---|---|---|{LINE}|"
        );
        for row in rows {
            let (from_m, to_m) = row.tunnel_m;
            let (survey, inputs) = (row.survey.name(), row.inputs.name());
            let _ = writeln!(
                text,
                "| {from_m}–{to_m} | {survey} | {inputs} | {} | {:.1} / {:.1} | {} |",
                row.drives,
                row.bound.p68_m,
                row.bound.p95_m,
                cells(&row.summary)
            );
        }
        text.push('\n');
    }
    if let Some(passes) = jack_lynch {
        text.push_str(
            "## A real tunnel\n\nFour passes of the Jack Lynch Tunnel in the same logs, 520 to 590 m between the last fix \
             before and the first one after it, without wheel speed. The serving cell differs from pass to pass. The \
             error is that of the estimate at the first fix after the exit, before that fix is known.\n\n\
             | pass | direction | modes | on its road | steps back | exit error | 95 % half-width |\n\
             |---|---|---|---|---|---|---|\n",
        );
        for pass in passes {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {:.1} | {:+.1} | {:.1} |",
                pass.name.rsplit('/').next().unwrap_or_default(),
                pass.direction,
                pass.modes.join(", "),
                if pass.on_road { "yes" } else { "no" },
                pass.backwards_m,
                pass.exit_error_m,
                pass.exit_accuracy95_m
            );
        }
    }
    text
}

/// What there is to say of the hard cases.
pub struct HardCases {
    pub rows: Vec<cases::Row>,
    pub forks: Option<[cases::Forks; 2]>,
    pub cold_starts: Option<[cases::ColdStarts; 2]>,
}

fn write_hard_cases(text: &mut String, seeds: &[u64], hard: &HardCases) {
    let (first, last) = (seeds.first().unwrap_or(&0), seeds.last().unwrap_or(&0));
    let _ = write!(
        text,
        "## Hard cases\n\nThe same world with one thing changed, towns {first} to {last}, two test drives over each route in free \
         and in varying traffic (in jams, in those). *aim*: the 68 % and the 95 % error that each is to stay within. *bound*: what no \
         unbiased estimator can undercut that goes by levels alone, even if it never loses its way (posterior Cramér–Rao bound, \
         `fin-cli/examples/accuracy/bound.rs`); which cells are heard tells something more. *back*: steps of \
         more than 2 m backwards from one second to the next on the same road, in a thousand. *stale*: the share \
         of what is heard that the surveys no longer describe, as the engine finds it. *renumbered* cells have \
         identities that no survey heard, as those of another layer do; *moved* ones are sent from where others were. \
         *no cells*: scans that hear nothing; *no scans*: none at all; *scans end inside*: 25 s after the last fix before the tunnel. \
         Where a number of survey drives is not told it is five over each route.\n\n\
         | case | wheel | drives | aim | bound | {HEAD} | back | stale |\n|---|---|---|---|---|{LINE}|---|---|\n"
    );
    let with = |wheel| if wheel { "with" } else { "without" };
    for row in &hard.rows {
        let aim = row
            .aim
            .map_or("".to_owned(), |(p68, p95)| format!("{p68} / {p95}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {aim} | {:.1} / {:.1} | {} | {:.1} | {:.0} % |",
            row.case,
            with(row.wheel),
            row.drives,
            row.bound.p68_m,
            row.bound.p95_m,
            cells(&row.summary),
            1000.0 * row.summary.steps_back,
            100.0 * row.staleness
        );
    }
    let total: usize = hard.rows.iter().map(|row| row.summary.samples).sum();
    let share = |of: &dyn Fn(&Summary) -> f64| {
        let inside = hard
            .rows
            .iter()
            .map(|row| of(&row.summary) * row.summary.samples as f64);
        100.0 * inside.sum::<f64>() / total.max(1) as f64
    };
    let (in68, in95) = (share(&|s| s.coverage68), share(&|s| s.coverage95));
    let _ = writeln!(
        text,
        "\nInside the stated 68 % and 95 % intervals, over all of these: {in68:.0} % and {in95:.0} %.\n"
    );
    let percent = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
    text.push_str(
        "Forks: passes that are reported on the right branch all the way from 5 s after the branches were 50 m apart, and positions \
         reported on the wrong one as more than 90 % probable.\n\n\
         | wheel | passes | right | surely wrong |\n|---|---|---|---|\n",
    );
    for forks in hard.forks.iter().flatten() {
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} % | {:.2} % |",
            with(forks.wheel),
            forks.passes,
            percent(forks.right, forks.passes),
            percent(forks.surely_wrong, forks.positions)
        );
    }
    text.push_str(
        "\nCold starts: the app is started a fifth of the way or half way through a tube of 2 km, without a fix before. *found*: \
         within 50 m.\n\n\
         | wheel | starts | asked after | found | in 95 % |\n|---|---|---|---|---|\n",
    );
    for starts in hard.cold_starts.iter().flatten() {
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} s | {:.0} % | {:.0} % |",
            with(starts.wheel),
            starts.starts,
            starts.after_s,
            percent(starts.found, starts.starts),
            percent(starts.honest, starts.starts)
        );
    }
    text.push('\n');
}

fn cells(s: &Summary) -> String {
    // Where the truth ends inside there is none.
    let over = match s.handover_max_m {
        0.0 => "–".to_owned(),
        most => format!("{:.0} / {most:.0}", s.handover_p95_m),
    };
    format!(
        "{:.1} | {:.1} | {:.1} | {:.0} | {:.1} / {:.0} | {over} | {:.0} % | {:.0} % | {:.1} %",
        s.median_m,
        s.p68_m,
        s.p95_m,
        s.max_m,
        s.exit_median_m,
        s.exit_p95_m,
        100.0 * s.coverage68,
        100.0 * s.coverage95,
        100.0 * s.wrong_branch
    )
}
