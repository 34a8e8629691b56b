//! [`Helper`], a program of `tools/`, spoken to in lines of JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

/// Such a program, running. It ends when this is dropped, and also when the thread that started it dies otherwise.
pub(crate) struct Helper {
    program: String,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it told of itself when it was ready.
    pub(crate) told: Json,
}

impl Helper {
    /// Starts it, and waits until it is ready.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(node()).arg(tools().join(program)).args(arguments);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut it = Self { program: program.to_owned(), process, input, output, told: Json::Null };
        it.told = it.line();
        it
    }

    /// Gives it a command with what belongs to it, and waits for the answer.
    #[track_caller]
    pub(crate) fn tell(&mut self, command: &str, mut rest: Json) -> Json {
        rest["command"] = command.into();
        writeln!(self.input.as_mut().unwrap(), "{rest}").unwrap();
        let answer = self.line();
        assert!(
            answer["error"].is_null(),
            "{}: {rest}: {}",
            self.program,
            answer["error"].as_str().unwrap_or_default()
        );
        answer
    }

    /// A text it told of itself when it was ready.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap_or_else(|| panic!("{} told no {name}: {}", self.program, self.told))
    }

    #[track_caller]
    fn line(&mut self) -> Json {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).unwrap();
        assert_ne!(read, 0, "{} has ended; what it complained of stands above", self.program);
        serde_json::from_str(&line).unwrap_or_else(|fault| panic!("{}: {fault}: {line}", self.program))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The end of what comes in is its end.
        drop(self.input.take());
        drop(self.process.wait());
    }
}

pub(crate) fn node() -> String {
    std::env::var("TEST_NODE").expect("TEST_NODE names the Node to run identity providers with; ./test finds one")
}

/// Where the programs lie, with what they need.
pub(crate) fn tools() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools");
    let fetched = tools.join("node_modules");
    assert!(fetched.is_dir(), "tools/node_modules is missing: run `npm --prefix tools ci`, as ./test does");
    tools
}
