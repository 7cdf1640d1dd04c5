//! `fin import`: foreign logs to drive folders.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use fin_core::radio::Plmn;
use jiff::tz::Offset;
use serde::Serialize;

use crate::import::crop::Neighbourhood;
use crate::import::{FORMATS, Format, ImportOptions, ImportReport};
use crate::{drive, roads};

/// What may follow `fin import`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// What the logs are
    #[arg(value_parser = formats())]
    pub format: &'static Format,
    /// The logs
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// Where the drive folders go: for each log one with its name
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How far the logs' local time is ahead of UTC, like +01:00
    #[arg(long, default_value = "+00:00", allow_hyphen_values = true, value_parser = utc_offset)]
    pub utc_offset: Offset,
    /// The network of cells whose row does not name one, like 272-03
    #[arg(long, value_name = "MCC-MNC", value_parser = plmn)]
    pub plmn: Option<Plmn>,
    /// Keep only what was recorded within 2 km of a tunnel of these roads
    #[arg(long, value_name = "ROADS")]
    pub near_tunnels: Option<PathBuf>,
    /// Write what was found to stdout as JSON
    #[arg(long)]
    pub json: bool,
}

/// What became of one log.
#[derive(Serialize)]
struct Outcome {
    log: String,
    drive: Option<String>,
    error: Option<String>,
    report: Option<ImportReport>,
}

/// Imports each log to a folder of its own and tells on stderr what was found, with `json` on `out` too.
///
/// # Errors
/// When no log could be imported, or `out` cannot be written.
pub fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let import_options = ImportOptions {
        utc_offset: options.utc_offset,
        plmn: options.plmn,
        ..ImportOptions::default()
    };
    let neighbourhood = options.near_tunnels.as_deref().map(neighbourhood).transpose()?;
    let mut taken = BTreeMap::new();
    let mut outcomes = Vec::new();
    for log in &options.logs {
        let (folder, report) = match import(options, &import_options, log, &mut taken, neighbourhood.as_ref())
        {
            Ok(done) => done,
            Err(error) => {
                let error = super::describe(&error);
                eprintln!("not imported: {error}");
                outcomes.push(Outcome {
                    log: shown(log),
                    drive: None,
                    error: Some(error),
                    report: None,
                });
                continue;
            }
        };
        eprintln!("{}: {report}", folder.display());
        outcomes.push(Outcome {
            log: shown(log),
            drive: Some(shown(&folder)),
            error: None,
            report: Some(report),
        });
    }
    if options.json {
        serde_json::to_writer_pretty(&mut *out, &outcomes)?;
        writeln!(out)?;
    }
    if outcomes.iter().all(|outcome| outcome.drive.is_none()) {
        bail!("none of the {} logs could be imported", options.logs.len());
    }
    Ok(())
}

/// Imports one log; its folder and what was found. `taken` holds the folders of the logs before it.
fn import<'a>(
    options: &Options,
    import_options: &ImportOptions,
    log: &'a Path,
    taken: &mut BTreeMap<PathBuf, &'a Path>,
    neighbourhood: Option<&Neighbourhood>,
) -> anyhow::Result<(PathBuf, ImportReport)> {
    let stem = log
        .file_stem()
        .with_context(|| format!("{}: expected the path of a log", log.display()))?;
    let folder = options.out.join(stem);
    if let Some(other) = taken.get(&folder) {
        bail!(
            "{}: expected another name than that of {}",
            log.display(),
            other.display()
        );
    }
    let imported = (options.format.read)(log, import_options)?;
    let drive = match neighbourhood {
        Some(neighbourhood) => neighbourhood.crop(&imported.drive),
        None => imported.drive,
    };
    if drive.gnss.is_empty() && neighbourhood.is_some() {
        bail!("{}: nothing in it was recorded near a tunnel", log.display());
    }
    drive::write(&folder, &drive, None)
        .with_context(|| format!("{}: cannot be written", folder.display()))?;
    taken.insert(folder.clone(), log);
    Ok((folder, imported.report))
}

/// The neighbourhood of the tunnels in a road file.
fn neighbourhood(path: &Path) -> anyhow::Result<Neighbourhood> {
    let found = Neighbourhood::new(roads::read(path)?.ways).with_context(|| shown(path))?;
    if found.is_empty() {
        bail!(
            "{}: expected at least one tunnel, got roads without any",
            path.display()
        );
    }
    Ok(found)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let names = FORMATS
        .iter()
        .map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(names).map(|name| {
        FORMATS
            .iter()
            .find(|format| format.name == name)
            .expect("only names of formats are possible values")
    })
}

fn utc_offset(text: &str) -> Result<Offset, String> {
    let expected = || format!("expected hours and minutes like +01:00 or -03:30, found \"{text}\"");
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => (1, text),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let number = |part: &str, max: i32| {
        let is_short = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse()
            .ok()
            .filter(|&value: &i32| is_short && value <= max)
            .ok_or_else(expected)
    };
    let seconds = sign * (number(hours, 14)? * 3600 + number(minutes, 59)? * 60);
    Offset::from_seconds(seconds).map_err(|_| expected())
}

fn plmn(text: &str) -> Result<Plmn, String> {
    let expected = || format!("expected a country and a network code like 272-03, found \"{text}\"");
    let (mcc, mnc) = text.split_once('-').ok_or_else(expected)?;
    let code = |part: &str| {
        part.parse::<u16>()
            .ok()
            .filter(|&code| code <= 999)
            .ok_or_else(expected)
    };
    let plmn = Plmn {
        mcc: code(mcc)?,
        mnc: code(mnc)?,
    };
    if plmn.mcc == 0 { Err(expected()) } else { Ok(plmn) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_hours_and_perhaps_minutes() {
        let seconds = |text| utc_offset(text).map(Offset::seconds);
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("+01:00"), Ok(3600));
        assert_eq!(seconds("-03:30"), Ok(-12_600));
        for wrong in ["", "+", "1:75", "99", "one", "+-1", "1:2:3"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_have_two_codes() {
        assert_eq!(plmn("272-03"), Ok(Plmn { mcc: 272, mnc: 3 }));
        for wrong in ["27203", "0-1", "272-1000", "272-", "a-b"] {
            assert!(plmn(wrong).is_err(), "{wrong}");
        }
    }
}
