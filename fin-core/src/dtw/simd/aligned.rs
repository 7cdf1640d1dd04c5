//! Memory for vectors.

use std::ops::{Deref, DerefMut};

/// What the first cache fetches at once; no vector is longer.
pub(super) const LINE_BYTES: usize = 64;

/// Numbers that begin where a cache line does, so that vectors that follow one another never lie across two lines.
#[derive(Debug)]
pub(in crate::dtw) struct Aligned<T> {
    room: Vec<T>,
    front: usize,
}

impl<T: Copy> Aligned<T> {
    /// `count` times the same number.
    pub(in crate::dtw) fn new(value: T, count: usize) -> Self {
        let to_spare = LINE_BYTES / size_of::<T>();
        let mut room = vec![value; count + to_spare];
        let front = room.as_ptr().align_offset(LINE_BYTES).min(to_spare);
        room.truncate(front + count);
        Self { room, front }
    }
}

impl<T: Copy> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        match self.first() {
            Some(&value) => {
                let mut copy = Self::new(value, self.len());
                copy.copy_from_slice(self);
                copy
            }
            None => Self {
                room: Vec::new(),
                front: 0,
            },
        }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.room[self.front..]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.room[self.front..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_aligned_too() {
        for count in [0, 1, 7, 1000] {
            let mut numbers = Aligned::new(3u32, count);
            if let Some(last) = numbers.last_mut() {
                *last = 4;
            }
            let copy = numbers.clone();
            assert_eq!(&copy[..], &numbers[..]);
            for slice in [&copy[..], &numbers[..]]
                .into_iter()
                .filter(|slice| !slice.is_empty())
            {
                assert_eq!(slice.as_ptr().align_offset(LINE_BYTES), 0);
            }
        }
    }
}
