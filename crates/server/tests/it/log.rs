//! Everything that is logged in this run of the tests.

use std::cell::RefCell;
use std::io;
use std::sync::{Mutex, Once, PoisonError};

thread_local! {
    /// What was logged in this thread. A test with one thread and its server share it.
    static HERE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What was logged in any thread.
static ALL: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Everything is kept from here on. One subscriber serves all tests: with one for each, what a place in the code remembers
/// of the others' levels would decide what is written.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(|| Log);
        tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    });
}

/// The lines with this word that were logged in this thread.
pub(crate) fn here(word: &str) -> Vec<String> {
    HERE.with_borrow(|log| lines_with(log, word))
}

/// How much has been logged until now.
pub(crate) fn length() -> usize {
    ALL.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// The lines with this word that were logged after the first `skipped` bytes.
pub(crate) fn after(skipped: usize, word: &str) -> Vec<String> {
    lines_with(&ALL.lock().unwrap_or_else(PoisonError::into_inner)[skipped..], word)
}

fn lines_with(log: &[u8], word: &str) -> Vec<String> {
    if memchr::memmem::find(log, word.as_bytes()).is_none() {
        return Vec::new();
    }
    String::from_utf8_lossy(log).lines().filter(|line| line.contains(word)).map(ToOwned::to_owned).collect()
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HERE.with_borrow_mut(|log| log.extend_from_slice(bytes));
        ALL.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
