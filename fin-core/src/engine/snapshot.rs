//! The state of an engine as bytes, so that an app that was killed goes on where it was.
//!
//! A snapshot is a signature, a version, what tells the database that the state belongs to from others, the state
//! in the [postcard wire format](https://postcard.jamesmunns.com/wire-format), and a check sum over all of it, numbers
//! little-endian:
//!
//! | byte | what |
//! |---|---|
//! | 0 | signature: `89 46 49 4e 53 54 0d 0a` for an engine, `89 46 49 4e 4e 56 0d 0a` for a navigator |
//! | 8 | `u32` version, of both kinds alike |
//! | 12 | `u64` length of the database's file without its signature, `u32` CRC-32 of its table of contents |
//! | 24 | the state: that of an engine; before it, for a navigator, the region that it speaks of |
//! | last 4 | `u32` CRC-32 of everything before |
//!
//! It lives for minutes between two runs of one program, not for years: a state of another version or another database is
//! refused and the engine starts from nothing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::gate::FixGate;
use super::hypothesis::Hypothesis;
use super::radio_clock::RadioClock;
use super::shown::Shown;
use super::staleness::TunnelFits;
use super::{Diagnostics, Engine, LATE_TO_RESTART, MOST_HYPOTHESES};
use crate::fingerprint::FingerprintDb;
use crate::fingerprint::format::{DatabaseSum, FormatError};
use crate::observation::CellScan;
use crate::time::Time;

/// What the snapshot of an engine begins with.
const SIGNATURE: [u8; 8] = *b"\x89FINST\r\n";
/// Version of the states. It is raised whenever a field of the state comes, goes or changes its meaning.
pub(super) const VERSION: u32 = 10;
const VERSION_AT: usize = SIGNATURE.len();
const DATABASE_AT: usize = VERSION_AT + 4;
const STATE_AT: usize = DATABASE_AT + 12;
const SUM_BYTES: usize = 4;
/// Hypotheses that a state may hold: a fork may double them before they are sorted out.
const MOST_STORED: usize = 4 * MOST_HYPOTHESES;
/// Cells of a scan that a state may hold.
const MOST_CELLS: usize = 1 << 12;

/// Why bytes are no state for this engine.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SnapshotError {
    /// They do not begin as a snapshot does.
    #[error("not a snapshot: expected the 8 bytes of its signature at byte 0, got {found:02x?}")]
    NotASnapshot {
        /// The first bytes.
        found: Vec<u8>,
    },
    /// The state is of another version of the engine.
    #[error("expected snapshot version {expected} at byte 8, got {found}")]
    Version {
        /// What this engine writes.
        expected: u32,
        /// What the bytes say.
        found: u32,
    },
    /// Bytes are missing or were changed.
    #[error(
        "expected check sum {expected:#010x} at the end of the snapshot's {length} bytes, got {found:#010x}"
    )]
    Checksum {
        /// Check sum of the bytes.
        expected: u32,
        /// Check sum that they state.
        found: u32,
        /// Number of bytes.
        length: usize,
    },
    /// The state belongs to another database.
    #[error("the snapshot belongs to another database: expected {expected}, got {found}")]
    OtherDatabase {
        /// The engine's database.
        expected: DatabaseSum,
        /// The snapshot's.
        found: DatabaseSum,
    },
    /// The check sum is right and the state is none that an engine can be in.
    #[error("the snapshot holds no state of an engine: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The region of the database that the state speaks of cannot be read.
    #[error("the snapshot speaks of region {region} of the database: {reason}")]
    Region {
        /// Index of the region.
        region: usize,
        /// What is wrong with it.
        reason: FormatError,
    },
}

impl SnapshotError {
    pub(super) fn malformed(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Malformed { reason }
    }
}

/// All that an engine remembers, but for its database and options.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    now: Option<Time>,
    hypotheses: Vec<Hypothesis>,
    best: u64,
    gate: FixGate,
    last_wheel: Option<Time>,
    last_scan: Option<CellScan>,
    last_known_scan: Option<Time>,
    radio_clock: RadioClock,
    shown: Option<Shown>,
    late: u32,
    fits: TunnelFits,
    diagnostics: Diagnostics,
}

impl State {
    pub(super) fn of(engine: &Engine) -> Self {
        // Every field by name: one that is added to the engine has to be thought of here.
        let Engine {
            db: _,
            db_sum: _,
            options: _,
            now,
            hypotheses,
            best,
            gate,
            last_wheel,
            last_scan,
            last_known_scan,
            radio_clock,
            shown,
            late,
            work: _,
            fits,
            diagnostics,
        } = engine;
        Self {
            now: *now,
            hypotheses: hypotheses.clone(),
            best: *best as u64,
            gate: gate.clone(),
            last_wheel: *last_wheel,
            last_scan: last_scan.clone(),
            last_known_scan: *last_known_scan,
            radio_clock: *radio_clock,
            shown: *shown,
            late: *late,
            fits: fits.clone(),
            diagnostics: *diagnostics,
        }
    }

    /// What is wrong with a state that was read from bytes: nothing here may lead an engine on `db` to panic, or to work or
    /// allocate without bound.
    fn fault(&self, db: &FingerprintDb) -> Option<String> {
        let count = self.hypotheses.len();
        if count > MOST_STORED {
            return Some(format!("expected at most {MOST_STORED} hypotheses, got {count}"));
        }
        if self.best >= count.max(1) as u64 {
            return Some(format!(
                "expected the best of {count} hypotheses, got number {}",
                self.best
            ));
        }
        if self.now.is_none() && count > 0 {
            return Some("it has hypotheses and no time".to_owned());
        }
        let unsound = |hypothesis: &Hypothesis| !hypothesis.is_sound(&db.network);
        if let Some(index) = self.hypotheses.iter().position(unsound) {
            return Some(format!("hypothesis {index} is out of range"));
        }
        if !self.radio_clock.is_sound() {
            return Some("the lags of the scans are out of range".to_owned());
        }
        if !self.gate.is_sound() {
            return Some("the memory of fixes is out of range".to_owned());
        }
        if self.shown.is_some_and(|shown| !shown.is_sound(&db.network)) {
            return Some("the last answer is on no road".to_owned());
        }
        let cells = self.last_scan.as_ref().map_or(0, |scan| scan.cells.len());
        if cells > MOST_CELLS {
            return Some(format!(
                "expected a scan of at most {MOST_CELLS} cells, got {cells}"
            ));
        }
        if self.late >= LATE_TO_RESTART {
            return Some(format!(
                "expected fewer than {LATE_TO_RESTART} late observations in a row, got {}",
                self.late
            ));
        }
        let counts_are_sound = self.diagnostics.is_sound() && self.fits.is_sound();
        (!counts_are_sound).then(|| "its counts are out of range".to_owned())
    }
}

impl Engine {
    /// The state of the engine as bytes, for [`restore`](Self::restore): from 0.3 kB outside to some 50 kB for each branch
    /// that is possible in a tunnel without wheel speed.
    pub fn snapshot(&self) -> Vec<u8> {
        seal(SIGNATURE, self.database_sum(), &State::of(self))
    }

    /// Puts the engine into the state that [`snapshot`](Self::snapshot) wrote; from there on it answers bit for bit as the
    /// engine that wrote it, when its options are the same.
    ///
    /// # Errors
    /// When the bytes are no snapshot of this version, are damaged, or belong to another database; the engine is
    /// unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.take_state(unseal(SIGNATURE, self.database_sum(), bytes)?)
    }

    /// Puts the engine into a state that was read from bytes.
    ///
    /// # Errors
    /// When no engine on this database can be in that state; the engine is unchanged.
    pub(super) fn take_state(&mut self, state: State) -> Result<(), SnapshotError> {
        if let Some(reason) = state.fault(&self.db) {
            return Err(SnapshotError::Malformed { reason });
        }
        let State {
            now,
            hypotheses,
            best,
            gate,
            last_wheel,
            last_scan,
            last_known_scan,
            radio_clock,
            shown,
            late,
            fits,
            diagnostics,
        } = state;
        self.now = now;
        self.hypotheses = hypotheses;
        self.best = usize::try_from(best).expect("it is below the number of hypotheses");
        self.gate = gate;
        self.last_wheel = last_wheel;
        self.last_scan = last_scan;
        self.last_known_scan = last_known_scan;
        self.radio_clock = radio_clock;
        self.shown = shown;
        self.late = late;
        self.fits = fits;
        self.diagnostics = diagnostics;
        Ok(())
    }

    /// The sum of the engine's database, worked out when it is first asked for: writing a database takes milliseconds.
    fn database_sum(&self) -> DatabaseSum {
        *self.db_sum.get_or_init(|| self.db.sum())
    }
}

/// `state` as a snapshot that begins with `signature` and belongs to the database of `sum`.
pub(super) fn seal(signature: [u8; 8], sum: DatabaseSum, state: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(signature);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(sum.length.to_le_bytes());
    bytes.extend(sum.crc32.to_le_bytes());
    let bytes = postcard::to_extend(state, bytes);
    let mut bytes = bytes.expect("a vector takes all bytes, and every list of the state knows its length");
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The state in a snapshot that [`seal`] made with the same signature and sum.
pub(super) fn unseal<T: DeserializeOwned>(
    signature: [u8; 8],
    expected: DatabaseSum,
    bytes: &[u8],
) -> Result<T, SnapshotError> {
    if !bytes.starts_with(&signature) {
        let found = bytes[..bytes.len().min(signature.len())].to_vec();
        return Err(SnapshotError::NotASnapshot { found });
    }
    let Some(end) = bytes.len().checked_sub(SUM_BYTES).filter(|&end| end >= STATE_AT) else {
        return Err(SnapshotError::malformed("it ends before its state"));
    };
    check_version_and_sum(bytes, end)?;
    let found = DatabaseSum {
        length: u64::from(u32_at(bytes, DATABASE_AT)) | u64::from(u32_at(bytes, DATABASE_AT + 4)) << 32,
        crc32: u32_at(bytes, DATABASE_AT + 8),
    };
    if expected != found {
        return Err(SnapshotError::OtherDatabase { expected, found });
    }
    match postcard::take_from_bytes(&bytes[STATE_AT..end]) {
        Ok((state, [])) => Ok(state),
        Ok((_, rest)) => Err(SnapshotError::malformed(format!(
            "{} bytes follow its state",
            rest.len()
        ))),
        Err(error) => Err(SnapshotError::malformed(error.to_string())),
    }
}

fn check_version_and_sum(bytes: &[u8], end: usize) -> Result<(), SnapshotError> {
    let (expected, found) = (VERSION, u32_at(bytes, VERSION_AT));
    if expected != found {
        return Err(SnapshotError::Version { expected, found });
    }
    let (expected, found) = (crc32fast::hash(&bytes[..end]), u32_at(bytes, end));
    if expected != found {
        let length = bytes.len();
        return Err(SnapshotError::Checksum {
            expected,
            found,
            length,
        });
    }
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..].first_chunk().expect("the length was checked before");
    u32::from_le_bytes(*word)
}

/// The names of all fields, with the names of the fields that they are in.
#[cfg(test)]
pub(super) fn fields(value: &serde_json::Value, path: &str, found: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, value) in map {
                fields(value, &format!("{path}.{name}"), found);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| fields(value, path, found)),
        _ => _ = found.insert(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::engine::belief::Belief;
    use crate::engine::output::RoadPosition;
    use crate::fingerprint::cells::CellIx;
    use crate::fingerprint::matcher::{EarlierReading, Lasting};
    use crate::fingerprint::testing::straight_road;
    use crate::observation::{CellReading, GnssFix, Observation};
    use crate::radio::{CellId, Channel, GlobalId, Plmn, Rat};

    /// An engine in which nothing that can be there is missing.
    fn full_engine() -> Engine {
        let network = Arc::new(straight_road(&[500.0, 500.0, 500.0]));
        let db = FingerprintDb {
            profiles: vec![None; network.edge_count()],
            network,
            ..FingerprintDb::default()
        };
        let position = db.network.ways()[0].nodes[0].position;
        let mut engine = Engine::new(Arc::new(db));
        for second in 0..2 {
            let fix = GnssFix {
                time: Time::from_millis(1000 * second),
                position,
                accuracy_m: Some(4.0),
                speed_mps: Some(0.0),
                bearing_deg: Some(90.0),
            };
            engine.step(&Observation::Gnss(fix)).unwrap();
        }
        let time = Time::from_millis(1000);
        let cell = CellId {
            rat: Rat::Lte,
            plmn: Some(Plmn { mcc: 1, mnc: 1 }),
            global: Some(GlobalId {
                tac: Some(1),
                cell_id: 1,
            }),
            channel: Some(Channel { arfcn: 1, pci: 1 }),
        };
        let reading = CellReading {
            cell,
            serving: true,
            rsrp_dbm: Some(-90.0),
            rsrq_db: Some(-10.0),
        };
        engine.last_scan = Some(CellScan {
            time,
            cells: vec![reading],
        });
        (engine.last_wheel, engine.last_known_scan) = (Some(time), Some(time));
        for hypothesis in &mut engine.hypotheses {
            hypothesis.track.last_wheel = Some(time);
            hypothesis.earlier = vec![EarlierReading {
                cell: CellIx(0),
                rsrp_dbm: -90.0,
                time,
                track_m: 0.0,
            }];
            hypothesis.lasting = Lasting::example(CellIx(0));
            hypothesis
                .shifts
                .learn(CellIx(0), -6.0, 4.0, &engine.options.radio);
            hypothesis.belief = Some(Belief::start(&hypothesis.track, 1.0, true, None));
        }
        let before = engine.predict(time).and_then(|estimate| estimate.road);
        engine.shown = before.map(|road| Shown::at(&road));
        engine.fits = TunnelFits::example(position);
        engine
    }

    #[test]
    fn the_layout_of_the_state_is_that_of_its_version() {
        let engine = full_engine();
        let state = serde_json::to_value(State::of(&engine)).unwrap();
        let mut found = BTreeSet::new();
        fields(&state, "", &mut found);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(VERSION, 10, "write down the layout of the new version below");
        insta::assert_snapshot!(found.join("\n"));
    }

    #[test]
    fn the_state_with_everything_in_it_comes_back() {
        let engine = full_engine();
        let bytes = engine.snapshot();
        let mut other = Engine::new(Arc::clone(&engine.db));
        other.restore(&bytes).unwrap();
        assert_eq!(other.snapshot(), bytes);
    }

    #[test]
    fn states_that_would_break_the_engine_are_refused() {
        let engine = full_engine();
        let refused = |name: &str, change: &dyn Fn(&mut Engine)| {
            let mut changed = engine.clone();
            change(&mut changed);
            let answer = engine.clone().restore(&changed.snapshot());
            assert!(
                matches!(answer, Err(SnapshotError::Malformed { .. })),
                "{name}: {answer:?}"
            );
        };
        refused("an edge that does not exist", &|e| {
            e.hypotheses[0].legs[0].edge.0 = 99
        });
        refused("an edge of another length", &|e| {
            e.hypotheses[0].legs[0].length_m += 1.0
        });
        refused("no route", &|e| e.hypotheses[0].legs.clear());
        refused("a place that is no number", &|e| {
            e.hypotheses[0].track.state.mean[0] = f64::NAN;
        });
        refused("a place a light-year on", &|e| {
            e.hypotheses[0].track.state.mean[0] = 1e16;
        });
        refused("another best hypothesis than there is", &|e| e.best = 7);
        refused("no time", &|e| e.now = None);
        refused("an answer beyond its road", &|e| {
            let place = e.predict(Time::default()).and_then(|estimate| estimate.road);
            let beyond = RoadPosition {
                edge_offset_m: 1e9,
                ..place.unwrap()
            };
            e.shown = Some(Shown::at(&beyond));
        });
        refused("a cell that has changed by what is no number", &|e| {
            let radio = &e.options.radio;
            e.hypotheses[0].shifts.learn(CellIx(0), f64::NAN, 1.0, radio);
        });
        refused("more starts than are counted", &|e| {
            e.hypotheses[0].starts = u32::MAX
        });
        refused("a scan at no place", &|e| {
            e.hypotheses[0].lasting_from = Some((Time::default(), f64::NAN));
        });
        refused("a count at its end", &|e| e.diagnostics.fixes_taken = u64::MAX);
        refused("more misfits than readings", &|e| e.fits.add_misfits(2));
    }
}
