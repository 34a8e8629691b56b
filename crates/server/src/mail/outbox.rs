//! A folder in the place of a mail server: one file for each letter, in the form that mail programs open. For trying things out.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use purser_core::mail::{Letter, Undelivered};

/// A folder that letters are written into.
pub(super) struct Outbox(PathBuf);

impl Outbox {
    /// Makes the folder if it is not there. Letters hold links that open accounts: nobody else may look.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// Writes a letter down. Names sort in the order of writing; a file that is there is whole.
    pub(super) async fn put(&self, letter: &Letter, text: Vec<u8>) -> Result<(), Undelivered> {
        let file = self.0.join(format!("{}-{}.eml", letter.id, letter.kind.as_str()));
        let written = tokio::task::spawn_blocking(move || write(&file, &text)).await;
        written.map_err(io::Error::other).flatten().map_err(|fault| Undelivered::Later(fault.to_string()))
    }
}

fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("part");
    let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    open.write_all(text)?;
    fs::rename(unfinished, file)
}
