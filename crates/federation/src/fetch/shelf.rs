//! [`Shelf`]: what providers publish, kept for a while and fetched by one caller at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use url::Url;

use super::{Call, Fetched, Line};
use crate::{Refusal, Result};

/// The least time between two tries to fetch a document that is there already.
const APART: Duration = Duration::from_mins(1);
/// The most documents kept for one provider.
const PER_PROVIDER: usize = 4;

/// How long documents of a kind are good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// Without a word from the provider.
    pub(crate) usual: Duration,
    /// Whatever the provider says.
    pub(crate) longest: Duration,
    /// How long an old one may stand in while no new one can be had, from when it was fetched.
    pub(crate) stand_in: Duration,
}

/// Documents of one kind, of all providers.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    life: Life,
    read: fn(&[u8]) -> Result<T>,
    places: Mutex<HashMap<String, Places<T>>>,
}

/// The places of one provider.
type Places<T> = Vec<(Url, Arc<Place<T>>)>;

#[derive(Debug)]
struct Place<T> {
    state: Mutex<State<T>>,
    /// Held while fetching.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    kept: Option<Kept<T>>,
    /// When the last try was, and why it failed.
    tried: Option<(Timestamp, Option<Refusal>)>,
    /// When it was last fetched because something was lacking.
    renewed: Option<Timestamp>,
    tries: u64,
}

/// One fetch: after how many others, and why.
#[derive(Clone, Copy, Debug)]
struct Errand {
    seen: u64,
    why: Why,
}

/// Why a document is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// There is none, or it is too old.
    Old,
    /// Something is not in it.
    Lacking,
}

#[derive(Debug)]
struct Kept<T> {
    document: Arc<T>,
    fetched: Timestamp,
    fresh_until: Timestamp,
}

impl<T: Send + Sync + 'static> Shelf<T> {
    /// An empty shelf for documents that are read like this.
    pub(crate) fn new(life: Life, read: fn(&[u8]) -> Result<T>) -> Self {
        Self { life, read, places: Mutex::default() }
    }

    /// The document at an address, as fresh as it need be.
    pub(crate) async fn document(&self, line: &Line, url: &Url, now: Timestamp) -> Result<Arc<T>> {
        let place = self.place(line, url);
        let seen = {
            let state = place.state.lock();
            match &state.kept {
                Some(kept) if kept.fresh_until > now => return Ok(Arc::clone(&kept.document)),
                Some(kept) if state.tried_lately(now) && self.stands_in(kept, now) => {
                    return Ok(Arc::clone(&kept.document));
                }
                _ => state.tries,
            }
        };
        let fetched = self.fetch(&place, Errand { seen, why: Why::Old }, line, url, now).await;
        let state = place.state.lock();
        match &state.kept {
            Some(kept) if fetched.is_ok() || self.stands_in(kept, now) => Ok(Arc::clone(&kept.document)),
            _ => Err(fetched.err().unwrap_or_else(|| Refusal::unavailable("the provider's document is gone"))),
        }
    }

    /// The document as the provider publishes it now, because what is kept lacks something; what is kept again if it was asked for like
    /// this, or in vain, less than a minute ago. That it was fetched lately does not matter: a provider may change it the moment after.
    pub(crate) async fn newest(&self, line: &Line, url: &Url, now: Timestamp) -> Result<Arc<T>> {
        let place = self.place(line, url);
        let seen = {
            let state = place.state.lock();
            match &state.kept {
                Some(kept) if kept.fetched >= now || !state.may_be_renewed(now) => {
                    return state.last_failure().map_or(Ok(Arc::clone(&kept.document)), Err);
                }
                _ => state.tries,
            }
        };
        self.fetch(&place, Errand { seen, why: Why::Lacking }, line, url, now).await?;
        let state = place.state.lock();
        let kept = state.kept.as_ref().map(|kept| Arc::clone(&kept.document));
        kept.ok_or_else(|| Refusal::unavailable("the provider's document is gone"))
    }

    /// Forgets what was published under every key that begins like this.
    pub(crate) fn forget(&self, keys: &str) {
        self.places.lock().retain(|provider, _| !provider.starts_with(keys));
    }

    fn stands_in(&self, kept: &Kept<T>, now: Timestamp) -> bool {
        now < kept.fetched.saturating_add(self.life.stand_in).unwrap_or(Timestamp::MAX)
    }

    fn place(&self, line: &Line, url: &Url) -> Arc<Place<T>> {
        let mut places = self.places.lock();
        let places = places.entry(line.provider().to_owned()).or_default();
        if let Some((_, place)) = places.iter().find(|(at, _)| at == url) {
            return Arc::clone(place);
        }
        if places.len() >= PER_PROVIDER {
            places.remove(0);
        }
        let place = Arc::new(Place::default());
        places.push((url.clone(), Arc::clone(&place)));
        place
    }

    /// Fetches, unless somebody else has since the errand began. In a task of its own: a caller who goes away must not take along what others
    /// wait for, nor use up the one try of this minute.
    async fn fetch(&self, place: &Arc<Place<T>>, errand: Errand, line: &Line, url: &Url, now: Timestamp) -> Result<()> {
        let (place, line, url, life, read) = (Arc::clone(place), line.clone(), url.clone(), self.life, self.read);
        let flight = tokio::spawn(async move {
            let _flight = place.flight.lock().await;
            if place.state.lock().tries != errand.seen {
                return place.state.lock().last_failure().map_or(Ok(()), Err);
            }
            let fetched = fetch(&line, &url, read).await;
            place.state.lock().note(fetched, errand.why, life, now)
        });
        flight.await.unwrap_or_else(|_| Err(Refusal::unavailable("the provider's document could not be read")))
    }
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        let state = State { kept: None, tried: None, renewed: None, tries: 0 };
        Self { state: Mutex::new(state), flight: tokio::sync::Mutex::new(()) }
    }
}

impl<T> State<T> {
    fn tried_lately(&self, now: Timestamp) -> bool {
        self.tried.as_ref().is_some_and(|(at, _)| is_lately(*at, now))
    }

    fn may_be_renewed(&self, now: Timestamp) -> bool {
        let failed = self.tried_lately(now) && self.last_failure().is_some();
        !failed && !self.renewed.is_some_and(|at| is_lately(at, now))
    }

    fn last_failure(&self) -> Option<Refusal> {
        self.tried.as_ref().and_then(|(_, failure)| failure.clone())
    }

    fn note(&mut self, fetched: Result<(T, Fetched)>, why: Why, life: Life, now: Timestamp) -> Result<()> {
        self.tries += 1;
        if why == Why::Lacking {
            self.renewed = Some(now);
        }
        let result = fetched.map(|(document, fetched)| {
            let fresh = fetched.max_age.unwrap_or(life.usual).min(life.longest);
            let fresh_until = now.saturating_add(fresh).unwrap_or(Timestamp::MAX);
            self.kept = Some(Kept { document: Arc::new(document), fetched: now, fresh_until });
        });
        self.tried = Some((now, result.as_ref().err().cloned()));
        result
    }
}

fn is_lately(at: Timestamp, now: Timestamp) -> bool {
    now < at.saturating_add(APART).unwrap_or(Timestamp::MAX)
}

async fn fetch<T>(line: &Line, url: &Url, read: fn(&[u8]) -> Result<T>) -> Result<(T, Fetched)> {
    let call = Call { headers: &[("accept", "application/json")], ..Call::default() };
    let fetched = line.call(url, call).await?;
    if fetched.status != 200 {
        let reason = format!("{url} answered with status {}", fetched.status);
        return Err(Refusal::Unavailable { reason, retry_after: fetched.retry_after });
    }
    let document = read(&fetched.body)?;
    Ok((document, fetched))
}
