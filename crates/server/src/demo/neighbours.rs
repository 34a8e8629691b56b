//! [`Neighbours`], the identity providers that a demo starts beside itself: `tools/idp/both.mjs`, a process of its own.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use purser_core::secret::Secret;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::cli::Failure;

/// Two running identity providers. They end when this is dropped, and also if the demo ends in any other way: with what they read.
pub(super) struct Neighbours {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What the two tell of themselves.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    pub(super) oidc: OpenId,
    pub(super) saml: Saml,
}

/// The OpenID provider.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenId {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
}

/// The SAML provider.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saml {
    /// Where its metadata is read.
    pub(super) metadata: String,
    /// Where a sign-in begins that nobody asked for.
    pub(super) start: String,
    /// The names of those who can sign in.
    pub(super) accounts: Vec<String>,
    /// What they all sign in with.
    pub(super) password: String,
}

impl Neighbours {
    /// Starts them from a folder with the tools, and waits until they are ready.
    ///
    /// # Errors
    /// If something they need is missing: says what to do about it.
    pub(super) fn start(tools: &Path) -> Result<(Self, About), Failure> {
        look_for(tools)?;
        let mut command = Command::new("node");
        // Called so, they are another site for a browser than 127.0.0.1: as it is in earnest.
        command.arg(tools.join("idp/both.mjs")).args(["--host", "localhost"]);
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.map_err(|fault| match fault.kind() {
            ErrorKind::NotFound => Failure::new("node is not installed; the identity providers run on it")
                .hint("apt-get install nodejs npm"),
            _ => Failure::new(format!("node cannot be started: {fault}")),
        })?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or_else(silent)?;
        let mut output = BufReader::new(output);
        let about = serde_json::from_value(line(&mut output)?).map_err(|_| silent())?;
        Ok((Self { process, input, output }, about))
    }

    /// Tells them where they are to send people: to the server at this origin, which must be answering.
    ///
    /// # Errors
    /// If they do not find there what they need.
    pub(super) fn trust(&mut self, callback: &str, metadata: &str) -> Result<(), Failure> {
        self.tell(&json!({"provider": "oidc", "command": "trust", "redirectUris": [callback]}))?;
        self.tell(&json!({"provider": "saml", "command": "trust", "metadata": metadata}))
    }

    fn tell(&mut self, command: &Json) -> Result<(), Failure> {
        let mut input = self.input.as_ref().ok_or_else(silent)?;
        writeln!(input, "{command}").map_err(|_| silent())?;
        match line(&mut self.output)?.get("error").and_then(Json::as_str) {
            Some(fault) => Err(Failure::new(format!("the identity providers cannot be set up: {fault}"))),
            None => Ok(()),
        }
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        drop(self.input.take());
        // It has nothing left to tell, whichever way it ends.
        drop(self.process.wait());
    }
}

fn look_for(tools: &Path) -> Result<(), Failure> {
    if !tools.join("idp/both.mjs").is_file() {
        return Err(Failure::new(format!("{} is not the folder `tools` of Purser's sources", tools.display()))
            .hint("run this in the folder of the sources, or name their tools: --with-idp=FOLDER"));
    }
    if !tools.join("node_modules").is_dir() {
        return Err(Failure::new("the identity providers have not been fetched yet")
            .hint(format!("npm --prefix {} ci", tools.display())));
    }
    Ok(())
}

fn line(output: &mut BufReader<ChildStdout>) -> Result<Json, Failure> {
    let mut line = String::new();
    output.read_line(&mut line).map_err(|_| silent())?;
    serde_json::from_str(&line).map_err(|_| silent())
}

fn silent() -> Failure {
    Failure::new("the identity providers have ended; what they complained of stands above")
}
