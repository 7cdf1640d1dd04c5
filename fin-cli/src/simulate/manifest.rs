//! What a folder of simulated data says of itself.

use serde_json::{Value, json};

use super::dataset::{DatasetConfig, Entry, WheelUse};
use super::{DriveFacts, Traffic, World};

/// The command that makes the same data again.
pub(super) fn command(config: &DatasetConfig) -> String {
    let scenarios: Vec<String> = config
        .world
        .scenarios
        .iter()
        .map(|scenario| format!(" --scenario {}", scenario.name()))
        .collect();
    let traffic = |flag: &str, all: &[Traffic]| -> String {
        all.iter()
            .map(|traffic| format!(" {flag} {}", traffic.name()))
            .collect()
    };
    let length = config
        .world
        .length_m
        .map(|length_m| format!(" --length-m {length_m}"))
        .unwrap_or_default();
    let wheel = match config.wheel {
        WheelUse::On => "on",
        WheelUse::Off => "off",
        WheelUse::Mixed => "mixed",
    };
    let defect = |flag: &str, value: f64| match value {
        0.0 => String::new(),
        _ => format!(" --{flag} {value}"),
    };
    let defects = [
        defect("clock-offset-s", config.defects.clock_offset_s),
        defect("repeat-scans", config.defects.repeats as f64),
        defect("placeholder-share", config.defects.placeholder_share),
        defect("cells-off", config.changes.off),
        defect("cells-renumbered", config.changes.renumbered),
        defect("cells-moved", config.changes.moved),
        defect("cells-weaker", config.changes.weaker),
    ];
    format!(
        "fin simulate --out DIR --seed {}{}{length} --operators {} --survey-drives {} --test-drives {}{}{} --wheel {wheel} \
         --scan-interval-s {} --scan-refresh-s {} --approach-m {} --truth-hz {}{}{}{}",
        config.world.seed,
        scenarios.concat(),
        config.world.operators,
        config.survey_drives,
        config.test_drives,
        traffic("--traffic", &config.traffic),
        traffic("--test-traffic", &config.test_traffic),
        config.scans.ask_s,
        config.scans.refresh_s,
        config.approach_m,
        config.truth_hz,
        defects.concat(),
        if config.survey_truth {
            " --survey-truth"
        } else {
            ""
        },
        if config.gzip { " --gzip" } else { "" },
    )
}

/// `simulate.json`: the seed, the command and the facts of every drive.
pub(super) fn describe(world: &World, config: &DatasetConfig, entries: &[Entry]) -> String {
    let drives: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let DriveFacts {
                gnss,
                phone,
                wheel,
                tunnel,
            } = entry.facts;
            json!({
                "drive": format!("{}/{}", entry.set, entry.name),
                "route": world.routes()[entry.config.route].name,
                "traffic": entry.config.traffic.name(),
                "mnc": entry.config.operator + 1,
                "start_ms": entry.config.start.as_millis(),
                "tunnel_ms": tunnel.map(|(entry, exit)| [entry.as_millis(), exit.as_millis()]),
                "wheel_recorded": entry.config.wheel,
                "wheel_scale": rounded(wheel.scale),
                "wheel_latency_s": rounded(wheel.latency_s),
                "wheel_rate_hz": rounded(wheel.rate_hz),
                "phone_offset_db": rounded(phone.offset_db),
                "gnss_error_m": rounded(gnss.error_m),
                "gnss_when_lost": format!("{:?}", gnss.loss).split('(').next().map(str::to_lowercase),
                "gnss_stale_after_exit": gnss.stale_first,
            })
        })
        .collect();
    let value = json!({ "seed": config.world.seed, "command": command(config), "drives": drives });
    format!("{value:#}\n")
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// `README.md`: the same for people.
pub(super) fn readme(world: &World, config: &DatasetConfig, entries: &[Entry]) -> String {
    let mut text = format!(
        "# Simulated drives\n\n\
         A made-up town, made-up radio and made-up drives, from seed {}. The same bytes again, in an empty folder:\n\n\
         ```sh\n{}\n```\n\n\
         `roads.geojson` has the roads, `survey/` the drives for a database, `test/` drives with their truth, \
         `simulate.json` what each phone and car was like.\n\n\
         | route | tunnel | length m |\n|---|---|---|\n",
        config.world.seed,
        command(config),
    );
    for route in world.routes() {
        let tunnel = &world.roads().tubes[route.tube].name;
        text += &format!(
            "| {} | {tunnel} | {:.0} |\n",
            route.name,
            route.exit_m - route.entry_m
        );
    }
    text += "\n| drive | traffic | wheel speed | seconds in the tunnel |\n|---|---|---|---|\n";
    for entry in entries {
        let wheel = if entry.config.wheel { "yes" } else { "no" };
        let inside = entry.facts.tunnel.map_or_else(
            || "–".to_owned(),
            |(from, to)| format!("{:.0}", to.seconds_since(from)),
        );
        text += &format!(
            "| {}/{} | {} | {wheel} | {inside} |\n",
            entry.set,
            entry.name,
            entry.config.traffic.name(),
        );
    }
    text
}
