//! Where the bytes of a file come from: the core opens no files itself.

/// Bytes that cannot be read, with what the system said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Bytes that can be read from any place on, as of a file or of memory.
pub trait Source {
    /// How many bytes there are.
    fn byte_count(&self) -> u64;

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When they cannot be read, or there are not as many any more.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable>;
}

impl Source for [u8] {
    fn byte_count(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        let from = usize::try_from(offset).ok();
        let bytes = from.and_then(|from| self.get(from..)?.get(..into.len()));
        let Some(bytes) = bytes else {
            let (wanted, all) = (into.len(), self.len());
            return Err(Unreadable(format!(
                "expected {wanted} bytes there, got {all} in all"
            )));
        };
        into.copy_from_slice(bytes);
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn byte_count(&self) -> u64 {
        self.as_slice().byte_count()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        self.as_slice().read_at(offset, into)
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn byte_count(&self) -> u64 {
        (**self).byte_count()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        (**self).read_at(offset, into)
    }
}
