//! Rows of small numbers as bits: what a prediction misses, in Rice codes (Rice, Plaunt 1971; as in FLAC, RFC 9639, 9.2.7).
//!
//! Levels are smooth along a road, so that a prediction from the ones before mostly misses by 0 or ±1. How many numbers a row
//! has is known from elsewhere. Each code takes at least a bit, so that few bytes cannot make many.

use super::error::FormatError;
use super::wire::{Reader, Writer};

/// Rice parameters are written in so many bits.
const PARAMETER_BITS: u32 = 3;
const MAX_PARAMETER: u32 = 6;
/// Rice parameters of runs: of the step from one value to the next, and of the length.
const STEP_PARAMETER: u32 = 0;
const LENGTH_PARAMETER: u32 = 3;

/// Bits to bytes, highest first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are used, 0 for all.
    used: u32,
}

impl BitWriter {
    pub(super) fn bit(&mut self, bit: bool) {
        if self.used == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (7 - self.used);
        }
        self.used = (self.used + 1) % 8;
    }

    fn number(&mut self, value: u32, bits: u32) {
        (0..bits).rev().for_each(|bit| self.bit(value >> bit & 1 == 1));
    }

    /// `value >> parameter` ones, a zero, and the lowest `parameter` bits.
    fn rice(&mut self, value: u32, parameter: u32) {
        (0..value >> parameter).for_each(|_| self.bit(true));
        self.bit(false);
        self.number(value, parameter);
    }

    /// A row of one-byte codes, of which there is at least one: how it is predicted, the first, what the prediction of the
    /// others misses.
    pub(super) fn row(&mut self, codes: &[u8]) {
        let choices = [false, true]
            .into_iter()
            .flat_map(|straight| (0..=MAX_PARAMETER).map(move |p| (straight, p)));
        let cost = |&(straight, parameter): &(bool, u32)| {
            let bits = |at| (folded(missed(codes, at, straight)) >> parameter) + 1 + parameter;
            (1..codes.len()).map(bits).sum::<u32>()
        };
        let (straight, parameter) = choices.min_by_key(cost).unwrap_or((false, 0));
        self.bit(straight);
        self.number(parameter, PARAMETER_BITS);
        self.number(u32::from(codes[0]), 8);
        for at in 1..codes.len() {
            self.rice(folded(missed(codes, at, straight)), parameter);
        }
    }

    /// Runs of equal values: the step from the value before, starting from 0, and one less than the length.
    pub(super) fn runs(&mut self, values: &[u16]) {
        let mut last = 0;
        for run in values.chunk_by(|a, b| a == b) {
            self.rice(folded(i32::from(run[0]) - last), STEP_PARAMETER);
            self.rice(run.len() as u32 - 1, LENGTH_PARAMETER);
            last = i32::from(run[0]);
        }
    }

    /// Appends the bits to `out`, filled up with zeros to a whole byte.
    pub(super) fn finish(self, out: &mut Writer) {
        out.bytes.extend(self.bytes);
    }
}

/// Bytes of a section to bits, highest first.
#[derive(Debug)]
pub(super) struct BitReader<'s, 'a> {
    section: &'s mut Reader<'a>,
    byte: u8,
    left: u32,
}

impl<'s, 'a> BitReader<'s, 'a> {
    /// The bits from the next byte of `section` on.
    pub(super) fn new(section: &'s mut Reader<'a>) -> Self {
        Self {
            section,
            byte: 0,
            left: 0,
        }
    }

    pub(super) fn bit(&mut self, expected: &'static str) -> Result<bool, FormatError> {
        if self.left == 0 {
            self.byte = self.section.u8(expected)?;
            self.left = 8;
        }
        self.left -= 1;
        Ok(self.byte >> self.left & 1 == 1)
    }

    fn number(&mut self, bits: u32, expected: &'static str) -> Result<u32, FormatError> {
        (0..bits).try_fold(0, |value, _| Ok(value << 1 | u32::from(self.bit(expected)?)))
    }

    /// A Rice code of a number up to `max`.
    fn rice(&mut self, parameter: u32, max: u32, expected: &'static str) -> Result<u32, FormatError> {
        let mut high = 0;
        while self.bit(expected)? {
            high += 1;
            if high > max >> parameter {
                return Err(self.section.error(1, expected, format!("a number above {max}")));
            }
        }
        Ok(high << parameter | self.number(parameter, expected)?)
    }

    /// A row of `count` codes, at least 1.
    pub(super) fn row(&mut self, count: usize, expected: &'static str) -> Result<Vec<u8>, FormatError> {
        let straight = self.bit(expected)?;
        let parameter = self.number(PARAMETER_BITS, expected)?;
        // Nothing is reserved on the word of the count: each code after the first takes a bit and its parameter.
        let bits = (count as u64 - 1) * (1 + u64::from(parameter));
        self.section
            .require(usize::try_from(bits / 8).unwrap_or(usize::MAX), expected)?;
        let mut codes = Vec::with_capacity(count);
        codes.push(self.number(8, expected)? as u8);
        while codes.len() < count {
            // Codes are 0 to 255, so that what a prediction misses lies within ±510.
            let missed = unfolded(self.rice(parameter, 1020, expected)?);
            let code = predicted(&codes, codes.len(), straight) + missed;
            let Ok(code) = u8::try_from(code) else {
                return Err(self
                    .section
                    .error(0, expected, format!("a row that leads to {code}")));
            };
            codes.push(code);
        }
        Ok(codes)
    }

    /// `count` values in runs, each as long as it can be.
    pub(super) fn runs(&mut self, count: usize, expected: &'static str) -> Result<Vec<u16>, FormatError> {
        let mut values: Vec<u16> = Vec::new();
        while values.len() < count {
            let last = values.last().copied();
            let step = unfolded(self.rice(STEP_PARAMETER, 2 * u32::from(u16::MAX), expected)?);
            let room = count - values.len();
            let most = u32::try_from(room - 1).unwrap_or(u32::MAX);
            let length = self.rice(LENGTH_PARAMETER, most, expected)? as usize + 1;
            let value = i32::from(last.unwrap_or(0)) + step;
            match u16::try_from(value) {
                Ok(value) if last != Some(value) && length <= room => {
                    values.resize(values.len() + length, value)
                }
                _ => {
                    let found = format!("a run of {length} times {value} with {room} to come");
                    return Err(self.section.error(0, expected, found));
                }
            }
        }
        Ok(values)
    }

    /// Nothing, when the bits that are left of the last byte are zeros.
    pub(super) fn finish(self, expected: &'static str) -> Result<(), FormatError> {
        if self.byte & ((1_u32 << self.left) - 1) as u8 == 0 {
            Ok(())
        } else {
            Err(self.section.error(1, expected, "bits that are set behind them"))
        }
    }
}

/// What the codes before `at` lead to expect there: the last once more, or the straight line through the last two.
fn predicted(codes: &[u8], at: usize, straight: bool) -> i32 {
    let last = i32::from(codes[at - 1]);
    match at.checked_sub(2) {
        Some(before) if straight => 2 * last - i32::from(codes[before]),
        _ => last,
    }
}

fn missed(codes: &[u8], at: usize, straight: bool) -> i32 {
    i32::from(codes[at]) - predicted(codes, at, straight)
}

/// 0, −1, 1, −2, … as 0, 1, 2, 3, …
fn folded(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

fn unfolded(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(write: impl Fn(&mut BitWriter)) -> Vec<u8> {
        let (mut bits, mut out) = (BitWriter::default(), Writer::default());
        write(&mut bits);
        bits.finish(&mut out);
        out.bytes
    }

    proptest! {
        #[test]
        fn rows_and_runs_survive_the_round_trip(
            codes in prop::collection::vec(any::<u8>(), 1..200),
            values in prop::collection::vec(prop_oneof![0..3_u16, Just(700)], 0..60),
            after: u8,
        ) {
            let mut bytes = packed(|bits| {
                bits.row(&codes);
                bits.runs(&values);
                bits.row(&codes);
            });
            bytes.push(after);
            let mut section = Reader::new("test", 0, &bytes);
            let mut bits = BitReader::new(&mut section);
            prop_assert_eq!(bits.row(codes.len(), "").unwrap(), &codes[..]);
            prop_assert_eq!(bits.runs(values.len(), "").unwrap(), values);
            prop_assert_eq!(bits.row(codes.len(), "").unwrap(), &codes[..]);
            prop_assert_eq!(bits.finish(""), Ok(()));
            prop_assert_eq!(section.u8("").unwrap(), after);
            prop_assert_eq!(section.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_give_numbers_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 1..500_usize) {
            let mut section = Reader::new("test", 0, &bytes);
            if let Ok(codes) = BitReader::new(&mut section).row(count, "a row") {
                prop_assert_eq!(codes.len(), count);
            }
            if let Ok(values) = BitReader::new(&mut section).runs(count, "runs") {
                prop_assert_eq!(values.len(), count);
            }
        }
    }

    #[test]
    fn a_slope_takes_a_bit_a_point() {
        let codes: Vec<u8> = (0..80).map(|i| 40 + 2 * i).collect();
        assert!(packed(|bits| bits.row(&codes)).len() <= 2 + 80 / 8 + 1);
    }

    #[test]
    fn more_codes_than_bits_are_refused_before_anything_is_reserved() {
        let error = BitReader::new(&mut Reader::new("test", 0, &[0, 7, 0]))
            .row(usize::MAX, "a row")
            .unwrap_err();
        assert!(error.to_string().contains("the section's end"), "{error}");
    }

    #[test]
    fn bits_behind_the_last_code_are_zeros() {
        let mut section = Reader::new("test", 0, &[0b0000_0000, 0b0000_0001]);
        let mut bits = BitReader::new(&mut section);
        assert_eq!(bits.row(2, "").unwrap(), [0, 0]);
        assert!(
            bits.finish("a row")
                .unwrap_err()
                .to_string()
                .contains("bits that are set")
        );
    }
}
