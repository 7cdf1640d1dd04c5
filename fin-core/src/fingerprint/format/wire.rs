//! Numbers and texts as bytes, and back with every bound checked.

use super::error::FormatError;

/// Bytes being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// What was written.
    pub(super) bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Seven bits to a byte, lowest first, high bit set on all but the last.
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8);
    }

    pub(super) fn count(&mut self, value: usize) {
        self.varint(value as u64);
    }

    /// 0, −1, 1, −2, 2, … as 0, 1, 2, 3, 4, …
    pub(super) fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(super) fn f64(&mut self, value: f64) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes.extend(text.as_bytes());
    }

    /// A day, or 0 where there is none.
    pub(super) fn day(&mut self, day: Option<i32>) {
        self.u8(u8::from(day.is_some()));
        day.iter().for_each(|&day| self.zigzag(i64::from(day)));
    }

    /// Runs of equal values: value, length.
    pub(super) fn runs(&mut self, values: &[u16]) {
        for run in values.chunk_by(|a, b| a == b) {
            self.varint(u64::from(run[0]));
            self.count(run.len());
        }
    }
}

/// Bytes of one section being read.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    section: &'static str,
    /// Where the section begins in the file.
    base: u64,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The bytes of `section`, which begins at byte `base` of the file.
    pub(super) fn new(section: &'static str, base: u64, bytes: &'a [u8]) -> Self {
        Self {
            section,
            base,
            bytes,
            at: 0,
        }
    }

    /// The error that `expected` was not found `back` bytes before here.
    pub(super) fn error(&self, back: usize, expected: &'static str, found: impl ToString) -> FormatError {
        let offset = self.base + (self.at - back) as u64;
        FormatError::Value {
            section: self.section,
            offset,
            expected,
            found: found.to_string(),
        }
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize, expected: &'static str) -> Result<&'a [u8], FormatError> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..count) else {
            return Err(self.error(
                0,
                expected,
                format!("the section's end after {} bytes", rest.len()),
            ));
        };
        self.at += count;
        Ok(taken)
    }

    /// Whether all has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Nothing, when there are `count` bytes more.
    pub(super) fn require(&self, count: usize, expected: &'static str) -> Result<(), FormatError> {
        self.clone().take(count, expected).map(|_| ())
    }

    pub(super) fn u8(&mut self, expected: &'static str) -> Result<u8, FormatError> {
        Ok(self.take(1, expected)?[0])
    }

    /// A number in its shortest form.
    pub(super) fn varint(&mut self, expected: &'static str) -> Result<u64, FormatError> {
        let mut value = 0_u64;
        for index in 0..10 {
            let byte = self.u8(expected)?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                let too_big = index == 9 && byte > 1;
                if too_big || (byte == 0 && index > 0) {
                    break;
                }
                return Ok(value);
            }
        }
        Err(self.error(0, expected, "a number of too many bytes"))
    }

    /// A number up to `max`.
    pub(super) fn up_to(&mut self, max: u64, expected: &'static str) -> Result<u64, FormatError> {
        let start = self.at;
        let value = self.varint(expected)?;
        if value > max {
            Err(self.error(self.at - start, expected, value))
        } else {
            Ok(value)
        }
    }

    pub(super) fn zigzag(&mut self, expected: &'static str) -> Result<i64, FormatError> {
        let value = self.varint(expected)?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn f64(&mut self, expected: &'static str) -> Result<f64, FormatError> {
        let bytes = self.take(8, expected)?;
        Ok(f64::from_le_bytes(
            bytes.try_into().expect("eight bytes were taken"),
        ))
    }

    /// A number of things of which each takes at least `min_bytes`: never more than the section can hold.
    pub(super) fn count(&mut self, min_bytes: usize, expected: &'static str) -> Result<usize, FormatError> {
        let start = self.at;
        let count = self.varint(expected)?;
        let room = (self.bytes.len() - self.at) / min_bytes;
        match usize::try_from(count) {
            Ok(count) if count <= room => Ok(count),
            _ => Err(self.error(self.at - start, expected, format!("{count} with room for {room}"))),
        }
    }

    pub(super) fn text(&mut self, expected: &'static str) -> Result<String, FormatError> {
        let length = self.count(1, expected)?;
        let bytes = self.take(length, expected)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.error(length, expected, "bytes that are not UTF-8")),
        }
    }

    /// A day that is there.
    pub(super) fn bare_day(&mut self) -> Result<i32, FormatError> {
        let start = self.at;
        let day = self.zigzag("a day")?;
        i32::try_from(day).map_err(|_| self.error(self.at - start, "a day of 32 bits", day))
    }

    /// A day, if there is one.
    pub(super) fn day(&mut self) -> Result<Option<i32>, FormatError> {
        match self.u8("0 or 1 for a day")? {
            0 => Ok(None),
            1 => self.bare_day().map(Some),
            other => Err(self.error(1, "0 or 1 for a day", other)),
        }
    }

    /// The cell that comes after those below `next`, of `cells`.
    pub(super) fn next_cell(&mut self, next: &mut usize, cells: usize) -> Result<u32, FormatError> {
        let Some(last) = cells.checked_sub(*next + 1) else {
            return Err(self.error(0, "no more entries than cells", "one more"));
        };
        let cell = *next + self.up_to(last as u64, "a cell of the list")? as usize;
        *next = cell + 1;
        Ok(cell as u32)
    }

    /// `total` values in runs, each as long as it can be.
    pub(super) fn runs(&mut self, total: usize, expected: &'static str) -> Result<Vec<u16>, FormatError> {
        let mut values: Vec<u16> = Vec::new();
        while values.len() < total {
            let start = self.at;
            let value = self.up_to(u64::from(u16::MAX), expected)? as u16;
            let length = self.varint(expected)?;
            let room = (total - values.len()) as u64;
            if !(1..=room).contains(&length) || values.last() == Some(&value) {
                let found = format!("a run of {length} times {value} with {room} to come");
                return Err(self.error(self.at - start, expected, found));
            }
            values.resize(values.len() + length as usize, value);
        }
        Ok(values)
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Whether all bytes have been read.
    pub(super) fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Nothing, when all bytes have been read.
    pub(super) fn finish(self) -> Result<(), FormatError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            rest => Err(self.error(0, "the end of the section", format!("{rest} more bytes"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_runs_survive_the_round_trip(
            unsigned: u64, signed: i64, text: String, values in prop::collection::vec(0_u16..3, 0..50),
        ) {
            let mut writer = Writer::default();
            writer.varint(unsigned);
            writer.zigzag(signed);
            writer.text(&text);
            writer.runs(&values);
            let mut reader = Reader::new("test", 0, &writer.bytes);
            prop_assert_eq!(reader.varint("").unwrap(), unsigned);
            prop_assert_eq!(reader.zigzag("").unwrap(), signed);
            prop_assert_eq!(reader.text("").unwrap(), text);
            prop_assert_eq!(reader.runs(values.len(), "").unwrap(), values);
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn a_number_has_one_form_only() {
        for bytes in [&[0x80, 0x00][..], &[0xff; 11], &[0x80; 3], &[]] {
            assert!(Reader::new("test", 0, bytes).varint("a number").is_err());
        }
    }

    #[test]
    fn a_count_beyond_the_end_is_refused_before_anything_is_allocated() {
        let mut writer = Writer::default();
        writer.varint(u64::MAX);
        let error = Reader::new("test", 100, &writer.bytes)
            .count(1, "a count")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a count at byte 100 (section `test`), got 18446744073709551615 with room for 0"
        );
    }
}
