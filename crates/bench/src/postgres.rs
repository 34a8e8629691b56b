//! A PostgreSQL database of the bench's own, beside the one it was told of; dropped at the end.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use tokio_postgres::NoTls;

/// How many were made, each under a name of its own.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A fresh database. Dropped with this value.
pub(crate) struct Fresh {
    admin_url: String,
    name: String,
    /// Where it is.
    pub(crate) url: String,
}

impl Fresh {
    /// Makes a database on the server that `url` names.
    ///
    /// # Errors
    /// When `url` is not a URL, the server cannot be reached without TLS, or the user may not make databases.
    pub(crate) fn beside(url: &str) -> Result<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("purser_bench_{}_{number}", std::process::id());
        let fresh = renamed(url, &name)?;
        execute(url, &format!("CREATE DATABASE {name}")).context("cannot make a database where DATABASE_URL points")?;
        Ok(Self { admin_url: url.to_owned(), name, url: fresh })
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Err(error) = execute(&self.admin_url, &format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("the database {} is left behind: {error:#}", self.name);
        }
    }
}

fn execute(url: &str, statement: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client.batch_execute(statement).await?)
    })
}

/// The URL of another database on the same server.
fn renamed(url: &str, name: &str) -> Result<String> {
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    ensure!(is_url, "DATABASE_URL must be a postgres:// URL");
    let (place, options) = url.split_once('?').map_or((url, None), |(place, options)| (place, Some(options)));
    let after_scheme = place.find("://").map_or(0, |at| at + 3);
    let host =
        place.get(after_scheme..).and_then(|rest| rest.find('/')).map_or(place.len(), |slash| after_scheme + slash);
    let server = place.get(..host).unwrap_or(place);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    Ok(format!("{server}/{name}{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_is_renamed() {
        assert_eq!(renamed("postgres://u:p@h:5432/a", "b").unwrap(), "postgres://u:p@h:5432/b");
        assert_eq!(renamed("postgres://h/a?sslmode=disable", "b").unwrap(), "postgres://h/b?sslmode=disable");
        assert_eq!(renamed("postgresql://h", "b").unwrap(), "postgresql://h/b");
        assert!(renamed("host=h dbname=a", "b").is_err());
    }
}
