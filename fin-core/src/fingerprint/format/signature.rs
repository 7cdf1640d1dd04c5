//! Ed25519 signatures (RFC 8032) at the end of a file.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// What the block at the end of a signed file begins with.
const MARK: [u8; 8] = *b"\x89FINSIG\n";
const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;
/// Length of that block: mark, public key, signature.
pub(super) const BLOCK_BYTES: usize = MARK.len() + KEY_BYTES + SIGNATURE_BYTES;

/// Why a file is not known to be from whom it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nobody signed it.
    #[error("expected a signature of key {expected}, got a file without one")]
    Unsigned {
        /// The key that was asked for.
        expected: PublicKey,
    },
    /// Someone else signed it.
    #[error("expected a signature of key {expected}, got one of key {found}")]
    OtherKey {
        /// The key that was asked for.
        expected: PublicKey,
        /// The key that signed.
        found: String,
    },
    /// It was changed after it was signed.
    #[error("the file was altered after it was signed: its signature of key {key} does not fit")]
    Altered {
        /// The key that is said to have signed.
        key: PublicKey,
    },
    /// What stands in the signature's place is none.
    #[error("expected a signature after byte {offset}, got {found:02x?}")]
    NotASignature {
        /// Where it should begin.
        offset: u64,
        /// What is there.
        found: Vec<u8>,
    },
    /// A key is not one.
    #[error("expected a public key of 64 hexadecimal digits, got {found}")]
    NotAKey {
        /// What it is.
        found: String,
    },
}

/// Tells whose signature a file has to have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    /// The key with these bytes (RFC 8032, 5.1.5); `None` when they are no key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(Self(*bytes))
    }

    /// The key that `text` writes in 64 hexadecimal digits; space around them is passed over.
    ///
    /// # Errors
    /// When it is not that, or no key has these bytes.
    pub fn from_hex(text: &str) -> Result<Self, SignatureError> {
        let bytes = bytes_of_hex(text.trim());
        bytes
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or_else(|| SignatureError::NotAKey {
                found: match text.trim().len() {
                    64 => "64 characters that write none".to_owned(),
                    length => format!("{length} characters"),
                },
            })
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Signs files. Whoever has it can sign in one's name, so it does not show itself.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key made from these bytes, which have to come from a good source of randomness.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The key that `text` writes in 64 hexadecimal digits; `None` when it is not that.
    pub fn from_hex(text: &str) -> Option<Self> {
        bytes_of_hex(text.trim()).map(|bytes| Self::from_bytes(&bytes))
    }

    /// The key by which its signatures are checked.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d))
        .collect();
    (digits.len() == 64).then(|| bytes.try_into().ok()).flatten()
}

/// The block for a file whose signed part is `message`; `kind` keeps signatures of one kind of file from fitting another.
pub(super) fn block(kind: &str, message: &[u8], key: &SecretKey) -> Vec<u8> {
    let mut out = MARK.to_vec();
    out.extend(key.public().to_bytes());
    out.extend(key.0.sign(&[kind.as_bytes(), message].concat()).to_bytes());
    out
}

/// The key that the block at byte `offset` names, which may be no key at all.
pub(super) fn named_key(block: &[u8], offset: u64) -> Result<[u8; KEY_BYTES], SignatureError> {
    let key = block.strip_prefix(&MARK).filter(|_| block.len() == BLOCK_BYTES);
    let key = key.and_then(|rest| rest[..KEY_BYTES].try_into().ok());
    key.ok_or_else(|| SignatureError::NotASignature {
        offset,
        found: block[..block.len().min(MARK.len())].to_vec(),
    })
}

/// Nothing, when `block`, the one at byte `offset` or none, has the signature of `key` on `message`.
pub(super) fn check(
    kind: &str,
    message: &[u8],
    block: Option<&[u8]>,
    offset: u64,
    key: &PublicKey,
) -> Result<(), SignatureError> {
    let expected = *key;
    let block = block.ok_or(SignatureError::Unsigned { expected })?;
    let named = named_key(block, offset)?;
    if named != key.to_bytes() {
        let found = named.iter().map(|byte| format!("{byte:02x}")).collect();
        return Err(SignatureError::OtherKey { expected, found });
    }
    let signature = Signature::from_slice(&block[BLOCK_BYTES - SIGNATURE_BYTES..]).ok();
    let fits = signature
        .zip(VerifyingKey::from_bytes(&key.0).ok())
        .is_some_and(|(signature, key)| {
            let message = [kind.as_bytes(), message].concat();
            key.verify_strict(&message, &signature).is_ok()
        });
    if fits {
        Ok(())
    } else {
        Err(SignatureError::Altered { key: *key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, 7.1, test 1.
    #[test]
    fn keys_are_those_of_the_standard() {
        let secret =
            SecretKey::from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(secret.public().to_string(), public);
        assert_eq!(PublicKey::from_hex(&format!(" {public}\n")), Ok(secret.public()));
        assert!(!format!("{secret:?}").contains("9d61"));
        for wrong in [
            "",
            "d75a",
            &public[1..],
            &public.replace('d', "x"),
            &"é".repeat(32),
            &"0".repeat(64),
        ] {
            assert!(PublicKey::from_hex(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_signature_fits_its_key_its_message_and_its_kind_only() {
        let (key, other) = (SecretKey::from_bytes(&[1; 32]), SecretKey::from_bytes(&[2; 32]));
        let block = block("a", b"message", &key);
        let check =
            |kind, message: &[u8], key: &SecretKey| check(kind, message, Some(&block), 0, &key.public());
        assert_eq!(check("a", b"message", &key), Ok(()));
        let key_text = key.public();
        assert_eq!(
            check("a", b"massage", &key),
            Err(SignatureError::Altered { key: key_text })
        );
        assert_eq!(
            check("b", b"message", &key),
            Err(SignatureError::Altered { key: key_text })
        );
        assert!(matches!(
            check("a", b"message", &other),
            Err(SignatureError::OtherKey { .. })
        ));
        let error = super::check("a", b"message", Some(&block[1..]), 7, &key.public()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("expected a signature after byte 7, got ["),
            "{error}"
        );
    }
}
