//! argon2 (RFC 9106), the hash made here, and the memory it is made in.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{decode_sized, numbers};
use crate::error::{Error, Result};
use crate::secret::same;

/// The length of the tags made here, and the least that does not count as weak.
const TAG: usize = 32;
/// The length of the salts made here (RFC 9106 section 3.1), likewise.
const SALT: usize = 16;

/// What a hash made today costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Memory in KiB, at most 256 MiB.
    pub(crate) memory_kib: u32,
    /// How often the memory is gone over, at most 10 times.
    pub(crate) passes: u32,
    /// Lanes, at most 16. They are worked one after the other, so more than one only helps an attacker.
    pub(crate) lanes: u32,
}

/// The second of the equal choices of ASVS 5.0 (appendix C.6) and the OWASP password storage cheat sheet.
impl Default for Parameters {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// A hash of this family, ours or imported.
#[derive(Clone)]
pub(super) struct Argon {
    recipe: Recipe,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

#[derive(Clone)]
struct Recipe {
    algorithm: Algorithm,
    version: Version,
    params: Params,
}

impl Recipe {
    /// Nothing if the cost is out of bounds: an imported hash must not stall a thread or take its memory.
    fn new(algorithm: Algorithm, version: Version, cost: Parameters, tag: usize) -> Option<Self> {
        if cost.memory_kib > 256 * 1024 || cost.passes > 10 || cost.lanes > 16 {
            return None;
        }
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(tag)).ok()?;
        Some(Self { algorithm, version, params })
    }

    fn today(cost: Parameters) -> Result<Self> {
        Self::new(Algorithm::Argon2id, Version::V0x13, cost, TAG).ok_or_else(|| {
            Error::invalid("parameters", "argon2 needs 8 KiB per lane, at most 256 MiB, 10 passes, 16 lanes")
        })
    }
}

impl Argon {
    /// Reads `$argon2id$v=19$m=19456,t=2,p=1$salt$tag` and its older kin; without `v=` it is version 16.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix('$')?.split('$').peekable();
        let algorithm = Algorithm::new(fields.next()?).ok()?;
        let version = match fields.next_if(|it| it.starts_with("v=")) {
            Some(field) => Version::try_from(field.strip_prefix("v=")?.parse::<u32>().ok()?).ok()?,
            None => Version::V0x10,
        };
        let [memory_kib, passes, lanes] = numbers(fields.next()?, ["m", "t", "p"])?;
        let (salt, tag) = (decode_sized(fields.next()?, 8)?, decode_sized(fields.next()?, 16)?);
        let recipe = Recipe::new(algorithm, version, Parameters { memory_kib, passes, lanes }, tag.len())?;
        fields.next().is_none().then_some(Self { recipe, salt, tag })
    }

    pub(super) fn make(password: &[u8], salt: [u8; SALT], desk: &mut Workspace) -> Result<Self> {
        let recipe = desk.recipe.clone();
        let tag = desk.tag(&recipe, password, &salt)?;
        Ok(Self { recipe, salt: salt.to_vec(), tag })
    }

    pub(super) fn opens(&self, password: &[u8], desk: &mut Workspace) -> Result<bool> {
        Ok(same(&desk.tag(&self.recipe, password, &self.salt)?, &self.tag))
    }

    pub(super) fn is_weaker_than(&self, today: &Parameters) -> bool {
        let Recipe { algorithm, version, params } = &self.recipe;
        let old = *algorithm != Algorithm::Argon2id || *version != Version::V0x13;
        let cheap = params.m_cost() < today.memory_kib || params.t_cost() < today.passes;
        old || cheap || self.salt.len() < SALT || self.tag.len() < TAG
    }
}

/// The PHC string format.
impl fmt::Display for Argon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recipe { algorithm, version, params } = &self.recipe;
        let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
        let (salt, tag) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.tag));
        write!(f, "${algorithm}$v={}$m={m},t={t},p={p}${salt}${tag}", u32::from(*version))
    }
}

/// The memory of one hashing thread: taken at the first hash and kept for the next, which then need not wait for
/// fresh pages. It is not wiped in between; who can read it can read the passwords themselves as they come in.
pub(crate) struct Workspace {
    today: Parameters,
    recipe: Recipe,
    kept: Vec<Block>,
    /// How many blocks of memory were filled so far, the measure of the work done.
    #[cfg(test)]
    pub(super) filled: u64,
}

impl Workspace {
    /// A place to make and check hashes, which costs nothing until the first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cost out of bounds.
    pub(crate) fn new(today: Parameters) -> Result<Self> {
        let recipe = Recipe::today(today)?;
        Ok(Self {
            today,
            recipe,
            kept: Vec::new(),
            #[cfg(test)]
            filled: 0,
        })
    }

    pub(super) fn today(&self) -> &Parameters {
        &self.today
    }

    /// Does the work of one hash for nothing.
    pub(super) fn waste(&mut self, password: &[u8]) -> Result<()> {
        let recipe = self.recipe.clone();
        let tag = self.tag(&recipe, password, &[0; SALT])?;
        // Compared like any other, so that the compiler cannot see that nobody wants it.
        std::hint::black_box(same(&tag, &[0; TAG]));
        Ok(())
    }

    fn tag(&mut self, recipe: &Recipe, password: &[u8], salt: &[u8]) -> Result<Vec<u8>> {
        let needed = recipe.params.block_count();
        #[cfg(test)]
        {
            self.filled += needed as u64 * u64::from(recipe.params.t_cost());
        }
        if needed <= self.recipe.params.block_count() {
            grow(&mut self.kept, self.recipe.params.block_count())?;
            return argon2(recipe, password, salt, &mut self.kept);
        }
        // Costlier than today's: an import, or the setting was lowered. That much memory is not kept.
        let mut once = Vec::new();
        grow(&mut once, needed)?;
        argon2(recipe, password, salt, &mut once)
    }
}

fn grow(blocks: &mut Vec<Block>, needed: usize) -> Result<()> {
    let missing = needed.saturating_sub(blocks.len());
    blocks.try_reserve_exact(missing).map_err(|_| Error::ServerBusy)?;
    blocks.resize(needed.max(blocks.len()), Block::new());
    Ok(())
}

/// The one call into the library, and so the one to change for another.
fn argon2(recipe: &Recipe, password: &[u8], salt: &[u8], memory: &mut [Block]) -> Result<Vec<u8>> {
    let mut tag = vec![0; recipe.params.output_len().unwrap_or(TAG)];
    Argon2::new(recipe.algorithm, recipe.version, recipe.params.clone())
        .hash_password_into_with_memory(password, salt, &mut tag, memory)
        .map_err(Error::internal)?;
    Ok(tag)
}
