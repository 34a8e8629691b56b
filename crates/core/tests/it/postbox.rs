//! [`Postbox`], where the letters of a story arrive, and the look at its end whether one was left in the queue.

use std::collections::VecDeque;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use purser_core::mail::{Kind, Letter, Post, Undelivered};
use purser_core::secret::Secret;

use crate::database::{connect, rows_of};

/// Takes every letter, unless told to do otherwise.
#[derive(Default)]
pub struct Postbox {
    letters: Mutex<Vec<Letter>>,
    troubles: Mutex<VecDeque<Undelivered>>,
}

impl Postbox {
    /// Refuses as many of the letters to come.
    pub fn refuse(&self, troubles: impl IntoIterator<Item = Undelivered>) {
        self.troubles.lock().extend(troubles);
    }

    /// The letters that came since this was last asked.
    pub fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.letters.lock())
    }
}

impl Post for Postbox {
    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Undelivered>> {
        async {
            // Others get their turn in between, as on a real line.
            tokio::task::yield_now().await;
            if let Some(trouble) = self.troubles.lock().pop_front() {
                return Err(trouble);
            }
            self.letters.lock().push(letter.clone());
            Ok(())
        }
        .boxed()
    }
}

/// The link's token in a letter.
pub fn token(letter: &Letter) -> Secret {
    let link = letter.link.as_ref().expect("a letter with a link").reveal();
    Secret::new(link.split_once("?token=").unwrap().1)
}

/// Letters in short: what and to whom.
pub fn short(letters: &[Letter]) -> Vec<String> {
    let mut all: Vec<String> = letters.iter().map(line).collect();
    all.sort();
    all
}

fn line(letter: &Letter) -> String {
    let about = if letter.about.is_empty() { String::new() } else { format!(" about {}", letter.about) };
    format!("{} to {}{about}", letter.kind.as_str(), letter.mailbox)
}

/// The only letter of a kind.
pub fn only(letters: &[Letter], kind: Kind) -> &Letter {
    let mut of_kind = letters.iter().filter(|letter| letter.kind == kind);
    let one = of_kind.next().unwrap_or_else(|| panic!("no {} among {:?}", kind.as_str(), short(letters)));
    assert!(of_kind.next().is_none(), "several {} among {:?}", kind.as_str(), short(letters));
    one
}

/// At the end of a story no letter waits: whoever causes one looks at it.
#[derive(Default)]
pub struct Lookout(pub Option<String>);

const WAITING: &str =
    "SELECT count(*) FROM (SELECT id FROM letters WHERE state = 'waiting' UNION ALL SELECT id FROM forgotten) w";

impl Drop for Lookout {
    fn drop(&mut self) {
        let Some(url) = self.0.take().filter(|_| !std::thread::panicking()) else { return };
        // A runtime cannot be begun within another.
        let looking = std::thread::spawn(move || waiting(&url));
        assert_eq!(looking.join().unwrap(), "0", "letters were queued that this story never looked at");
    }
}

fn waiting(url: &str) -> String {
    if let Some(file) = url.strip_prefix("sqlite:") {
        let count = rusqlite::Connection::open(file).unwrap().query_row(WAITING, [], |row| row.get(0));
        return count.map(|count: i64| count.to_string()).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = connect(url).await;
        client.batch_execute("SET purser.tenant = '*'").await.unwrap();
        rows_of(&client, WAITING).await.remove(0).remove(0)
    })
}
