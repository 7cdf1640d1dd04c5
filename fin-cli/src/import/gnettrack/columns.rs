//! The columns of a G-NetTrack Pro log, under the names of its versions.

use crate::drive::table::{Column, Row, Table, TableError};

/// The columns that a log may have. Only stamp, position, technology and level have to be there.
pub(super) struct Columns {
    pub stamp: Column,
    pub longitude: Column,
    pub latitude: Column,
    pub speed: Column,
    pub operator: Column,
    pub mode: Column,
    pub level: Column,
    pub quality: Column,
    pub node: Column,
    pub node_hex: Column,
    pub cell: Column,
    pub cell_hex: Column,
    pub raw_cell: Column,
    pub lac: Column,
    pub lac_hex: Column,
    pub arfcn: Column,
    pub psc: Column,
    pub band: Column,
    pub neighbour_level: Column,
    pub neighbour_quality: Column,
    /// Radio columns of no further use that still tell a new measurement from a repeated one.
    pub others: [Column; 4],
}

impl Columns {
    /// The columns of `table`.
    pub(super) fn find(table: &Table<'_>) -> Result<Self, TableError> {
        let optional = |name| table.optional(name);
        Ok(Self {
            stamp: table.required("Timestamp")?,
            longitude: table.required("Longitude")?,
            latitude: table.required("Latitude")?,
            speed: optional("Speed")?,
            operator: optional("Operator")?,
            mode: either(table, "NetworkMode", "NetworkTech")?,
            level: either(table, "RSRP", "Level")?,
            quality: either(table, "RSRQ", "Qual")?,
            node: optional("Node")?,
            node_hex: optional("NODEHEX")?,
            cell: optional("CellID")?,
            cell_hex: optional("CELLHEX")?,
            raw_cell: optional("RAWCELLID")?,
            lac: optional("LAC")?,
            lac_hex: optional("LACHEX")?,
            arfcn: optional("ARFCN")?,
            psc: optional("PSC")?,
            band: optional("BAND")?,
            neighbour_level: optional("NRxRSRP")?,
            neighbour_quality: optional("NRxRSRQ")?,
            others: [
                optional("SNR")?,
                optional("CQI")?,
                optional("RSSI")?,
                optional("LTERSSI")?,
            ],
        })
    }

    /// All that `row` says about the radio, to be compared with another row.
    pub(super) fn radio_text(&self, row: &Row<'_>) -> Vec<String> {
        let named = [
            self.mode,
            self.level,
            self.quality,
            self.node,
            self.node_hex,
            self.cell,
            self.raw_cell,
            self.lac,
            self.lac_hex,
            self.arfcn,
            self.psc,
            self.neighbour_level,
            self.neighbour_quality,
        ];
        named
            .iter()
            .chain(&self.others)
            .map(|&column| row.text(column).unwrap_or_default().to_owned())
            .collect()
    }
}

/// The column `first` or, where that is missing, `second`.
fn either(table: &Table<'_>, first: &'static str, second: &'static str) -> Result<Column, TableError> {
    let column = table.optional(second)?;
    if column.is_present() {
        Ok(column)
    } else {
        table.required(first)
    }
}

/// What a file is when it is not the log itself but another one that the app writes beside it.
pub(super) fn other_file(table: &Table<'_>) -> Option<&'static str> {
    let has = |name| table.optional(name).is_ok_and(Column::is_present);
    if has("EventType") {
        Some("its list of events (…_log_events.txt)")
    } else if has("TESTDOWNLINK") {
        Some("its data tests (…_log_datatest.txt)")
    } else if has("Event") && has("Stats") {
        Some("its summary (…_log_stats.txt)")
    } else {
        None
    }
}
