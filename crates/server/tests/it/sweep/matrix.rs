//! [`Matrix`]: which rights each operation really asks for, and which roles get past them. `docs/permissions.md` shows it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use purser_core::access::{Right, Role, Roles};

use crate::log;
use crate::site::Asker;

/// Hears which rights one request asks for: the place where they are granted says so in the log.
pub(super) struct Ear {
    from: usize,
    id: String,
}

impl Ear {
    pub(super) fn open() -> Self {
        // Counted over all sites: they share one log.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self { from: log::length(), id: format!("asks-{}", COUNT.fetch_add(1, Ordering::Relaxed)) }
    }

    /// The same asker, whose requests are listened to.
    pub(super) fn at<'s>(&self, asker: &Asker<'s>) -> Asker<'s> {
        asker.with(&format!("X-Request-Id: {}", self.id))
    }

    fn heard(&self) -> Vec<Right> {
        let lines = log::after(self.from, &format!("request_id=\"{}\"", self.id));
        let words = lines.iter().filter_map(|line| line.split_once(" right=\"")?.1.split('"').next());
        words.map(|word| *Right::ALL.iter().find(|right| right.name() == word).unwrap()).collect()
    }
}

/// What is known of one operation.
struct Asked {
    /// The rights it asks for, however it is asked. Those that only some of its fields want are not among them.
    rights: Vec<Right>,
    /// The roles that it was not forbidden to, asked in one way or another.
    open_to: Vec<Role>,
}

/// The operations, in the order in which they were first asked for.
#[derive(Default)]
pub(super) struct Matrix(Vec<(String, Asked)>);

impl Matrix {
    /// Takes down what became of an operation that a role asked for.
    pub(super) fn note(&mut self, operation: &str, role: Role, verdict: &str, ear: &Ear) {
        if !self.0.iter().any(|(name, _)| name == operation) {
            self.0.push((operation.to_owned(), Asked { rights: Right::ALL.to_vec(), open_to: Vec::new() }));
        }
        let (_, asked) = self.0.iter_mut().find(|(name, _)| name == operation).unwrap();
        if !verdict.ends_with("FORBIDDEN") && !asked.open_to.contains(&role) {
            asked.open_to.push(role);
        }
        // Whoever holds every right is asked for all of them; others are turned away at the first.
        if role == Role::Admin {
            let heard = ear.heard();
            asked.rights.retain(|right| heard.contains(right));
        }
    }

    /// Leaves out what asks for no right.
    pub(super) fn of_those_who_ask(mut self) -> Self {
        self.0.retain(|(_, asked)| !asked.rights.is_empty());
        self
    }

    /// The table of it, after making sure that it lets in whom the table of rights lets in.
    fn table(&self, heading: &str) -> String {
        let mut table = format!(
            "| {heading} | right | Admin | User Admin | Author | Operator | Approver | Publisher | Viewer |\n|---|---|---|---|---|---|---|---|---|\n"
        );
        for (name, Asked { rights, open_to }) in &self.0 {
            let words: Vec<String> = rights.iter().map(|right| format!("`{}`", right.name())).collect();
            let words = if words.is_empty() { "–".to_owned() } else { words.join(", ") };
            let _ = write!(table, "| `{name}` | {words} |");
            for role in Role::ALL {
                let agreed = rights.iter().all(|right| Roles::from_iter([role]).hold(*right));
                assert_eq!(open_to.contains(&role), agreed, "{name} asks for {rights:?}; {role}");
                table.push_str(if agreed { " ● |" } else { " – |" });
            }
            table.push('\n');
        }
        table
    }

    /// Compares it with the table of the same heading on the page, or writes it there.
    pub(super) fn is_what_the_page_shows(&self, heading: &str) {
        /// One table is written at a time.
        static PAGE: Mutex<()> = Mutex::new(());
        let table = self.table(heading);
        let _alone = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/permissions.md");
        let page = fs::read_to_string(&file).unwrap();
        let start = page.find(&format!("| {heading} |")).unwrap_or_else(|| panic!("no table of {heading}"));
        let length: usize =
            page[start..].split_inclusive('\n').take_while(|it| it.starts_with('|')).map(str::len).sum();
        let shown = &page[start..start + length];
        if env::var_os("UPDATE_PERMISSIONS").is_some() {
            return fs::write(&file, format!("{}{table}{}", &page[..start], &page[start + length..])).unwrap();
        }
        assert_eq!(shown, table, "run the test again with UPDATE_PERMISSIONS=1 and read the difference");
    }
}
