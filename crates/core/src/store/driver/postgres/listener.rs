//! Hearing what other nodes changed, and noticing when we no longer hear.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::{CHANNEL, PATIENCE, Server};
use crate::env::{Clock as _, SystemClock, Timestamp};
use crate::error::{Error, Result};
use crate::store::change::Stale;
use crate::store::driver::{Forget, Trust};

/// How often we call out to ourselves through the channel.
const BEAT: Duration = Duration::from_millis(250);
/// How long our own call and a look at the clock may take before we hold the channel for cut. With a beat before, that stays
/// below the second within which a change is to be known everywhere.
const ECHO: Duration = Duration::from_millis(500);
/// Clocks this close are held for one.
const SAME_CLOCK: i64 = 500_000;

/// Listens for as long as the store is alive, connecting again whenever the channel is cut.
pub(super) async fn listen(server: Server, forget: Forget, trust: Arc<Trust>, alive: Weak<()>) {
    let mut retry = interval(BEAT);
    loop {
        retry.tick().await;
        if let Err(cause) = listen_once(&server, &forget, &trust).await {
            // A program that ends takes the connection away while this still runs. That is nothing to be warned of.
            if alive.strong_count() == 0 {
                return;
            }
            tracing::warn!(
                cause = &cause as &dyn std::error::Error,
                "not hearing other nodes; reading the store for each check"
            );
        }
        trust.listening.store(false, Ordering::Release);
    }
}

async fn listen_once(server: &Server, forget: &Forget, trust: &Trust) -> Result<()> {
    let (client, mut heard, channels) = in_time(PATIENCE, open(server)).await?;
    in_time(ECHO, measure_clock(&client, trust)).await?;
    // What happened while nobody listened is unknown.
    forget(&[Stale::Everything]);
    trust.listening.store(true, Ordering::Release);
    let call = format!("NOTIFY {}", channels.own);
    loop {
        let beat = async {
            client.batch_execute(&call).await.map_err(Error::store)?;
            await_echo(&mut heard, &channels.own, forget).await?;
            measure_clock(&client, trust).await
        };
        in_time(ECHO, beat).await?;
        hear_until_next_beat(&mut heard, &channels.all, forget).await?;
    }
}

type Heard = mpsc::UnboundedReceiver<(String, String)>;

/// Fails if it takes longer.
async fn in_time<T>(patience: Duration, what: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(patience, what).await.map_err(Error::store)?
}

/// A connection that listens, and the name under which we call ourselves.
async fn open(server: &Server) -> Result<(Client, Heard, Channels)> {
    let (client, mut connection) = server.config.connect(server.tls.clone()).await.map_err(Error::store)?;
    let (tell, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notice) = message
                && tell.send((notice.channel().to_owned(), notice.payload().to_owned())).is_err()
            {
                return;
            }
        }
    });
    let channels = subscribe(&client).await?;
    Ok((client, heard, channels))
}

/// What a listener listens to.
struct Channels {
    /// Where the nodes of this deployment tell one another what went stale.
    all: String,
    /// Where the listener calls itself.
    own: String,
}

async fn subscribe(client: &Client) -> Result<Channels> {
    let sql = format!("SELECT {CHANNEL}, 'purser_echo_' || pg_backend_pid()");
    let row = client.query_one(&sql, &[]).await.map_err(Error::store)?;
    let channels = Channels { all: row.get(0), own: row.get(1) };
    let Channels { all, own } = &channels;
    client.batch_execute(&format!("LISTEN {all}; LISTEN {own}")).await.map_err(Error::store)?;
    Ok(channels)
}

async fn await_echo(heard: &mut Heard, own: &str, forget: &Forget) -> Result<()> {
    while let Some((channel, payload)) = heard.recv().await {
        if channel == own {
            return Ok(());
        }
        pass_on(&payload, forget);
    }
    Err(Error::store("the listening connection was lost"))
}

async fn hear_until_next_beat(heard: &mut Heard, all: &str, forget: &Forget) -> Result<()> {
    let hear = async {
        while let Some((channel, payload)) = heard.recv().await {
            if channel == all {
                pass_on(&payload, forget);
            }
        }
    };
    match timeout(BEAT, hear).await {
        Ok(()) => Err(Error::store("the listening connection was lost")),
        Err(_beat) => Ok(()),
    }
}

fn pass_on(payload: &str, forget: &Forget) {
    let stale: Vec<Stale> = payload.split(' ').map(Stale::decode).collect();
    forget(&stale);
}

/// Nodes go by the database's clock, however far apart their own are.
pub(super) async fn measure_clock(client: &Client, trust: &Trust) -> Result<()> {
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let row = client.query_one(sql, &[]).await.map_err(Error::store)?;
    let here = SystemClock::starting_at(Timestamp(0)).now();
    let ahead = row.get::<_, i64>(0).saturating_sub(here.0);
    trust.ahead.store(if ahead.abs() < SAME_CLOCK { 0 } else { ahead }, Ordering::Relaxed);
    Ok(())
}
