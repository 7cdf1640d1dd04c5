//! What can be aligned: slices of numbers, and frames of several channels in one slice.

/// An indexed run of samples: any slice, array or vector of numbers by reference, or [`Frames`].
pub trait Series: Copy {
    /// What stands at one index: a number, or a slice with one number per channel.
    type Sample: Copy;

    /// Number of samples.
    fn len(self) -> usize;

    /// Whether there is no sample.
    fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The sample at `index`, which is below [`Series::len`].
    fn at(self, index: usize) -> Self::Sample;
}

impl<S: Copy> Series for &[S] {
    type Sample = S;

    #[inline]
    fn len(self) -> usize {
        <[S]>::len(self)
    }

    #[inline]
    fn at(self, index: usize) -> S {
        self[index]
    }
}

impl<S: Copy, const N: usize> Series for &[S; N] {
    type Sample = S;

    #[inline]
    fn len(self) -> usize {
        N
    }

    #[inline]
    fn at(self, index: usize) -> S {
        self[index]
    }
}

impl<S: Copy> Series for &Vec<S> {
    type Sample = S;

    #[inline]
    fn len(self) -> usize {
        self.as_slice().len()
    }

    #[inline]
    fn at(self, index: usize) -> S {
        self[index]
    }
}

/// A multivariate series: `channels` numbers per sample, one sample after the other in one slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frames<'a, S> {
    values: &'a [S],
    channels: usize,
}

/// Why a slice is no multivariate series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramesError {
    /// A sample needs at least one channel.
    #[error("a frame needs at least 1 channel, got 0")]
    NoChannel,
    /// The slice ends inside a frame.
    #[error("expected a multiple of {channels} values, got {values}")]
    Ragged {
        /// Values in the slice.
        values: usize,
        /// Channels per frame.
        channels: usize,
    },
}

impl<'a, S> Frames<'a, S> {
    /// The series whose sample `i` is `values[i · channels .. (i + 1) · channels]`.
    ///
    /// Fails when `channels` is 0 or does not divide the number of values.
    pub fn new(values: &'a [S], channels: usize) -> Result<Self, FramesError> {
        if channels == 0 {
            return Err(FramesError::NoChannel);
        }
        if !values.len().is_multiple_of(channels) {
            return Err(FramesError::Ragged {
                values: values.len(),
                channels,
            });
        }
        Ok(Self { values, channels })
    }

    /// Numbers per sample.
    pub fn channels(self) -> usize
    where
        S: Copy,
    {
        self.channels
    }
}

impl<'a, S: Copy> Series for Frames<'a, S> {
    type Sample = &'a [S];

    #[inline]
    fn len(self) -> usize {
        self.values.len() / self.channels
    }

    #[inline]
    fn at(self, index: usize) -> &'a [S] {
        &self.values[index * self.channels..(index + 1) * self.channels]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_refuse_what_cannot_be_cut_evenly() {
        assert_eq!(Frames::new(&[1.0; 6], 0), Err(FramesError::NoChannel));
        assert_eq!(
            Frames::new(&[1.0; 7], 3),
            Err(FramesError::Ragged {
                values: 7,
                channels: 3
            })
        );
        let frames = Frames::new(&[1, 2, 3, 4, 5, 6u8], 3).expect("6 is a multiple of 3");
        assert_eq!((frames.len(), frames.at(1)), (2, &[4, 5, 6u8][..]));
    }
}
