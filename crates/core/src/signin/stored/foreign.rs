//! Hashes that other systems made: they are checked, never made, and replaced at the next sign-in.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{decode_sized, numbers};
use crate::secret::same;

/// About two seconds of work.
const MAX_BCRYPT_COST: u32 = 15;
/// About one second of work.
const MAX_PBKDF2_ITERATIONS: u32 = 2_000_000;
/// N·r·p, and so for p = 1 the memory in 128 bytes: 256 MiB, twice the cost that OWASP recommends.
const MAX_SCRYPT_WORK: u64 = 1 << 21;

/// An imported hash.
#[derive(Clone)]
pub(super) enum Foreign {
    Bcrypt { cost: u32, salt: [u8; 16], tag: [u8; 23] },
    Scrypt { params: scrypt::Params, salt: Vec<u8>, tag: Vec<u8> },
    Pbkdf2 { algorithm: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, tag: Vec<u8> },
}

impl Foreign {
    /// Reads what bcrypt, passlib, the PHC format or Django wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('$').collect();
        match *fields.as_slice() {
            ["", "2a" | "2b" | "2y", cost, rest] => bcrypt(cost, rest),
            ["", "scrypt", costs, salt, tag] => scrypt(costs, decode_sized(salt, 1)?, tag),
            ["", "pbkdf2-sha256", costs, salt, tag] => pbkdf2(SHA256, costs, decode_sized(salt, 1)?, tag),
            ["", "pbkdf2-sha512", costs, salt, tag] => pbkdf2(SHA512, costs, decode_sized(salt, 1)?, tag),
            // Django takes the salt as it is written.
            ["pbkdf2_sha256", costs, salt, tag] => pbkdf2(SHA256, costs, salt.as_bytes().to_vec(), tag),
            _ => None,
        }
    }

    pub(super) fn opens(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt { cost, salt, tag } => same(&bcrypt_tag(*cost, *salt, password), tag),
            Self::Scrypt { params, salt, tag } => {
                let mut made = vec![0; tag.len()];
                scrypt::scrypt(password, salt, params, &mut made).is_ok() && same(&made, tag)
            }
            Self::Pbkdf2 { algorithm, iterations, salt, tag } => {
                pbkdf2::verify(*algorithm, *iterations, salt, password, tag).is_ok()
            }
        }
    }
}

const SHA256: pbkdf2::Algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
const SHA512: pbkdf2::Algorithm = pbkdf2::PBKDF2_HMAC_SHA512;

/// `12` and 53 letters: 22 of the salt, 31 of the tag. Stray bits are common in the salt.
fn bcrypt(cost: &str, rest: &str) -> Option<Foreign> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);
    let cost = cost.parse().ok().filter(|it| (4..=MAX_BCRYPT_COST).contains(it))?;
    let (salt, tag) = rest.split_at_checked(22)?;
    let salt = ENGINE.decode(salt).ok()?.try_into().ok()?;
    let tag = ENGINE.decode(tag).ok()?.try_into().ok()?;
    Some(Foreign::Bcrypt { cost, salt, tag })
}

/// As other implementations do it: the password ends with a NUL, and what goes beyond 72 bytes is not looked at.
fn bcrypt_tag(cost: u32, salt: [u8; 16], password: &[u8]) -> Vec<u8> {
    let ended: zeroize::Zeroizing<Vec<u8>> = password.iter().copied().chain([0]).take(72).collect::<Vec<_>>().into();
    bcrypt::bcrypt(cost, salt, &ended).into_iter().take(23).collect()
}

/// `ln=16,r=8,p=1`
fn scrypt(costs: &str, salt: Vec<u8>, tag: &str) -> Option<Foreign> {
    let [ln, r, p] = numbers(costs, ["ln", "r", "p"])?;
    let work = (1_u64 << ln.min(40)).checked_mul(u64::from(r))?.checked_mul(u64::from(p))?;
    if !(1..=17).contains(&ln) || work > MAX_SCRYPT_WORK {
        return None;
    }
    let params = scrypt::Params::new(u8::try_from(ln).ok()?, r, p).ok()?;
    Some(Foreign::Scrypt { params, salt, tag: decode_sized(tag, 16)? })
}

/// The bare number of iterations (passlib, Django), or `i=600000` with or without `l=32` (PHC).
fn pbkdf2(algorithm: pbkdf2::Algorithm, costs: &str, salt: Vec<u8>, tag: &str) -> Option<Foreign> {
    let tag = decode_sized(tag, 16)?;
    let iterations = match costs.parse() {
        Ok(bare) => bare,
        Err(_) => numbers(costs, ["i"]).map(|[i]| i).or_else(|| {
            let [i, l] = numbers(costs, ["i", "l"])?;
            (usize::try_from(l) == Ok(tag.len())).then_some(i)
        })?,
    };
    let iterations = NonZeroU32::new(iterations).filter(|it| it.get() <= MAX_PBKDF2_ITERATIONS)?;
    Some(Foreign::Pbkdf2 { algorithm, iterations, salt, tag })
}
