//! `purser-standin`: runs one of the stand-ins by itself, for trying things out and for tests in a browser.

use std::io::Write;

use anyhow::Result;
use clap::{Parser, Subcommand};
use purser_standin::microsoft::{APP, App, Consent, DIRECTORY, Microsoft, ORGANIZATION, Person, SECRET};

/// Stand-ins for the sign-in services of others. They listen on this machine only, and let everybody in.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    service: Service,
}

#[derive(Subcommand)]
enum Service {
    /// Entra, Graph and Dataverse
    Microsoft {
        /// The port; any free one if not given
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Where the application may send people back to; may be given more than once
        #[arg(long = "redirect-uri", value_name = "URL")]
        redirect_uris: Vec<String>,
        /// Send people back at once, without a form
        #[arg(long)]
        no_form: bool,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Args::parse().service {
        Service::Microsoft { port, redirect_uris, no_form } => {
            let microsoft = Microsoft::start_on(port).await?;
            let known = App::default();
            let redirect_uris = known.redirect_uris.iter().cloned().chain(redirect_uris).collect();
            microsoft.register(App { redirect_uris, ..known });
            microsoft.consent(if no_form { Consent::AtOnce } else { Consent::Form });
            introduce(&microsoft)?;
            microsoft.run().await;
        }
    }
    Ok(())
}

/// Prints what one needs to know to set it up.
fn introduce(microsoft: &Microsoft) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {}", microsoft.url())?;
    writeln!(out, "directory     {DIRECTORY}")?;
    writeln!(out, "application   {APP}")?;
    writeln!(out, "secret        {SECRET}")?;
    writeln!(out, "organisation  {ORGANIZATION}")?;
    writeln!(out, "person        {}", Person::default().upn)?;
    out.flush()?;
    Ok(())
}
