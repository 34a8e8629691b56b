//! What pages are put together from: moments, chips, fields.

use std::collections::HashMap;

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp as Instant;
use purser_core::access::{Role, Roles};
use purser_core::env::Timestamp;
use purser_core::ids::UserId;
use purser_core::users::User;

use super::words;

/// A moment: in UTC as it is sent, in the reader's own zone where there is script; exactly when one points at it.
#[derive(Template)]
#[template(source = r#"<time datetime="{{ exact }}" title="{{ exact }}">{{ text }}</time>"#, ext = "html")]
pub(super) struct Moment {
    exact: String,
    text: String,
}

impl HtmlSafe for Moment {}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        let text = Instant::from_microsecond(at.0).map(|at| at.strftime("%-d %b %Y, %H:%M UTC").to_string());
        Self { exact: at.to_string(), text: text.unwrap_or_default() }
    }
}

/// The colour of a chip. It never says anything that the word does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Grey,
    Blue,
    Green,
    Amber,
    Red,
}

impl Tone {
    fn word(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

/// A word in a coloured frame.
#[derive(Template)]
#[template(source = r#"<span class="chip {{ tone.word() }}">{{ text }}</span>"#, ext = "html")]
pub(super) struct Chip {
    text: &'static str,
    tone: Tone,
}

impl HtmlSafe for Chip {}

impl From<(&'static str, Tone)> for Chip {
    fn from((text, tone): (&'static str, Tone)) -> Self {
        Self { text, tone }
    }
}

impl Chip {
    /// The chips of some roles.
    pub(super) fn of_roles(roles: Roles) -> Vec<Self> {
        roles.iter().map(|role| Self { text: words::role(role), tone: Tone::Grey }).collect()
    }
}

/// One field of a form, with its label and what is wrong with it.
#[derive(Template)]
#[template(path = "console/parts/field.html")]
pub(super) struct Field {
    name: String,
    label: String,
    value: String,
    hint: &'static str,
    problem: String,
    form: Form,
    autocomplete: &'static str,
    optional: bool,
    focused: bool,
}

/// How a field is filled in.
enum Form {
    Line(&'static str),
    Number,
    Text(u8),
    One(Vec<(String, String)>),
    Pick(Vec<(String, String)>),
    Box,
}

impl HtmlSafe for Field {}

impl Field {
    fn new(name: impl Into<String>, label: impl Into<String>, form: Form) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            value: String::new(),
            hint: "",
            problem: String::new(),
            form,
            autocomplete: "off",
            optional: false,
            focused: false,
        }
    }

    /// A line.
    pub(super) fn line(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Form::Line("text"))
    }

    /// An address.
    pub(super) fn email(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Form::Line("email"))
    }

    /// A web address.
    pub(super) fn url(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Form::Line("url"))
    }

    /// A day.
    pub(super) fn day(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Form::Line("date"))
    }

    /// A number, for the keyboards of phones.
    pub(super) fn number(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Form::Number)
    }

    /// A line that nobody reads over one's shoulder.
    pub(super) fn password(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Form::Line("password"))
    }

    /// A text of several lines.
    pub(super) fn text(name: impl Into<String>, label: impl Into<String>, lines: u8) -> Self {
        Self::new(name, label, Form::Text(lines))
    }

    /// One of several.
    pub(super) fn one(
        name: impl Into<String>,
        label: impl Into<String>,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self::new(name, label, Form::One(options.into_iter().collect()))
    }

    /// One of a few, all of them to be seen: for thumbs.
    pub(super) fn pick(
        name: impl Into<String>,
        label: impl Into<String>,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self::new(name, label, Form::Pick(options.into_iter().collect()))
    }

    /// A box to tick.
    pub(super) fn tick(name: impl Into<String>, label: impl Into<String>, ticked: Tick) -> Self {
        let value = if ticked == Tick::On { "on" } else { "" };
        Self::new(name, label, Form::Box).filled(value).optional()
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// With what is in it.
    pub(super) fn filled(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// With a word of explanation.
    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// With what is wrong with it.
    pub(super) fn wrong(self, problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), ..self }
    }

    /// That may stay empty.
    pub(super) fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// In which one begins to type.
    pub(super) fn focused(self) -> Self {
        Self { focused: true, ..self }
    }

    /// That browsers know how to fill in.
    pub(super) fn known_as(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    /// What describes it.
    fn described(&self) -> String {
        let parts = [("hint", !self.hint.is_empty()), ("problem", !self.problem.is_empty())];
        let ids = parts.iter().filter(|(_, there)| *there).map(|(part, _)| format!("{}-{part}", self.name));
        ids.collect::<Vec<_>>().join(" ")
    }
}

/// Whether a box is ticked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tick {
    On,
    Off,
}

impl From<bool> for Tick {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// The boxes of the roles.
#[derive(Template)]
#[template(path = "console/parts/roles.html")]
pub(super) struct RoleBoxes(Vec<RoleBox>);

/// One of them.
struct RoleBox {
    role: Role,
    label: &'static str,
    hint: &'static str,
    ticked: bool,
}

impl HtmlSafe for RoleBoxes {}

impl RoleBoxes {
    /// Those somebody may give.
    pub(super) fn of(ticked: Roles, giver: Roles) -> Self {
        let given = Role::ALL.into_iter().filter(|role| *role != Role::Admin || giver.contain(Role::Admin));
        Self(
            given
                .map(|role| RoleBox {
                    role,
                    label: words::role(role),
                    hint: words::role_hint(role),
                    ticked: ticked.contain(role),
                })
                .collect(),
        )
    }
}

/// The names of people, by their numbers.
pub(super) struct Names(HashMap<UserId, String>);

impl Names {
    /// Of these people.
    pub(super) fn of(people: &[User]) -> Self {
        Self(people.iter().map(|it| (it.id, full_name(it))).collect())
    }

    /// Of nobody: everybody is known by their number.
    pub(super) fn unknown() -> Self {
        Self(HashMap::new())
    }

    /// The person that a note of the log names by their number: `for user 7`.
    pub(super) fn in_note(note: &str) -> Option<(&str, UserId)> {
        let (before, number) = note.rsplit_once("user ")?;
        Some((before, number.parse().ok()?))
    }

    /// A note, with the person's name.
    pub(super) fn told(&self, note: &str) -> String {
        Self::in_note(note).map_or_else(|| note.to_owned(), |(before, id)| format!("{before}{}", self.name(id)))
    }

    /// One of them. Whoever is no longer there is known by the number.
    pub(super) fn name(&self, id: UserId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("User {id}"))
    }
}

/// First and last name.
pub(super) fn full_name(user: &User) -> String {
    format!("{} {}", user.first_name, user.last_name)
}

/// A way to go on in a list.
#[derive(Template)]
#[template(
    source = r#"{% if let Some(href) = next %}<nav class="paging" aria-label="Pages"><a class="button" href="{{ href }}" rel="next">Show more</a></nav>{% endif %}"#,
    ext = "html"
)]
pub(super) struct Paging {
    pub(super) next: Option<String>,
}

impl HtmlSafe for Paging {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_says_its_zone_and_exactly_when() {
        insta::assert_snapshot!(Moment::from(Timestamp::from_seconds(1_800_000_000)), @r#"<time datetime="2027-01-15T08:00:00Z" title="2027-01-15T08:00:00Z">15 Jan 2027, 08:00 UTC</time>"#);
    }

    #[test]
    fn what_people_type_in_stays_text() {
        let field = Field::line("a", "A").filled("\"><script>x").wrong("<b>").to_string();
        assert!(!field.contains("<script>") && !field.contains("<b>"), "{field}");
    }
}
