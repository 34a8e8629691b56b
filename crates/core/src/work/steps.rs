//! Steps: what a version asks to be done, what each wants recorded, and whether a value is such a record. Pure.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Problem, Result};
use crate::users::is_unseen;

/// Steps of one version.
pub const MOST_STEPS: usize = 200;
/// Options of one choice.
pub const MOST_OPTIONS: usize = 100;
/// Letters of instructions, and of a recorded text.
const LONG: usize = 10_000;
/// Letters of a title, an option, a unit, a reference.
const SHORT: usize = 200;

/// One step of a version. Its number is its place, from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What is to be done, in a line.
    pub title: String,
    /// How it is done; may be empty.
    pub instructions: String,
    /// Whether it can only be completed with a record.
    pub record_required: bool,
    /// What is recorded.
    pub kind: Kind,
}

/// What a step wants recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "is")]
pub enum Kind {
    /// Any text.
    Text,
    /// A number, within bounds.
    Number {
        /// Of what; may be empty.
        unit: String,
        /// Not less.
        min: Option<f64>,
        /// Not more.
        max: Option<f64>,
    },
    /// `YES` or `NO`.
    YesNo,
    /// One of these.
    Choice {
        /// What may be chosen, letter for letter.
        options: Vec<String>,
    },
    /// A reference to a photo that is kept elsewhere.
    Photo,
}

/// The steps of one version. Valid, or they do not exist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steps(Vec<Step>);

impl Steps {
    /// Checks steps as they were sent; texts are trimmed.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field: `steps.0.title`.
    pub fn parse(steps: Vec<Step>) -> Result<Self> {
        if steps.len() > MOST_STEPS {
            return Err(Error::invalid("steps", "use at most 200 steps"));
        }
        let mut problems = Vec::new();
        let steps = steps.into_iter().enumerate().map(|(place, step)| tidied(place, step, &mut problems)).collect();
        if problems.is_empty() { Ok(Self(steps)) } else { Err(Error::Invalid(problems)) }
    }

    /// The steps in their order.
    pub fn all(&self) -> &[Step] {
        &self.0
    }

    /// How many there are.
    pub(crate) fn count(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// The step with a number.
    pub(crate) fn numbered(&self, number: i64) -> Option<&Step> {
        self.0.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub(crate) fn stored(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(Error::internal)
    }

    pub(crate) fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(Error::internal)
    }
}

impl Kind {
    /// Its spelling on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Number { .. } => "NUMBER",
            Self::YesNo => "YES_NO",
            Self::Choice { .. } => "CHOICE",
            Self::Photo => "PHOTO",
        }
    }

    /// The value as it is kept, if it is what this kind wants.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `value`.
    pub(crate) fn accept(&self, value: &str) -> Result<String> {
        let value = value.trim();
        let refuse = |reason: &str| Err(Error::invalid("value", reason));
        match self {
            Self::Text if !is_text(value, 1, LONG) => {
                refuse("use 1 to 10,000 characters, no control characters but tabs and line breaks")
            }
            Self::YesNo if !matches!(value, "YES" | "NO") => refuse("say YES or NO"),
            Self::Choice { options } if !options.iter().any(|option| option == value) => {
                refuse("not one of the options")
            }
            Self::Photo if !is_line(value, 1, 500) => {
                refuse("use 1 to 500 characters, none of them control characters")
            }
            Self::Number { min, max, .. } => match number(value) {
                None => refuse("not a number: write it as 12.5 or -3, in at most 40 characters"),
                Some(number) if min.is_some_and(|min| number < min) => refuse("below the lowest value allowed"),
                Some(number) if max.is_some_and(|max| number > max) => refuse("above the highest value allowed"),
                Some(_) => Ok(value.into()),
            },
            _ => Ok(value.into()),
        }
    }
}

/// A number as people write it: digits, perhaps a sign, a point, an exponent. `inf` and `nan` are none.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: f64 = text.parse().ok()?;
    (plain && text.len() <= 40 && number.is_finite()).then_some(number)
}

fn tidied(place: usize, step: Step, problems: &mut Vec<Problem>) -> Step {
    let mut wrong = |field: &str, reason: &str| {
        problems.push(Problem { field: format!("steps.{place}.{field}"), reason: reason.into() });
    };
    let step = Step { title: step.title.trim().into(), instructions: step.instructions.trim().into(), ..step };
    if !is_line(&step.title, 1, SHORT) {
        wrong("title", "use 1 to 200 characters, none of them control characters");
    }
    if !is_text(&step.instructions, 0, LONG) {
        wrong("instructions", "use at most 10,000 characters, no control characters but tabs and line breaks");
    }
    match &step.kind {
        Kind::Number { unit, min, max } => {
            if !is_line(unit, 0, SHORT) {
                wrong("unit", "use at most 200 characters, none of them control characters");
            }
            for (field, bound) in [("min", min), ("max", max)] {
                if bound.is_some_and(|bound| !bound.is_finite()) {
                    wrong(field, "not a number");
                }
            }
            if min.zip(*max).is_some_and(|(min, max)| min > max) {
                wrong("max", "below the lowest value");
            }
        }
        Kind::Choice { options } => {
            let distinct: HashSet<&str> = options.iter().map(String::as_str).collect();
            let fit = options.iter().all(|option| is_line(option, 1, SHORT) && option.trim() == option);
            if !(1..=MOST_OPTIONS).contains(&options.len()) || distinct.len() != options.len() || !fit {
                wrong(
                    "options",
                    "use 1 to 100 options, all different, each of 1 to 200 characters, no blanks around it",
                );
            }
        }
        Kind::Text | Kind::YesNo | Kind::Photo => {}
    }
    step
}

/// Text of several lines.
pub(crate) fn is_text(text: &str, least: usize, most: usize) -> bool {
    let odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    (least..=most).contains(&text.chars().count()) && !text.chars().any(odd)
}

/// Text of one line. In a list one title must not pass for another, so nothing turns the letters round.
pub(crate) fn is_line(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count()) && !text.chars().any(is_unseen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: Kind) -> Step {
        Step { title: "Look".into(), instructions: String::new(), record_required: true, kind }
    }

    fn fields(steps: Vec<Step>) -> Vec<String> {
        match Steps::parse(steps) {
            Err(Error::Invalid(problems)) => problems.into_iter().map(|problem| problem.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_number_is_kept_within_its_bounds_and_bounds_belong_to_them() {
        let kind = Kind::Number { unit: "bar".into(), min: Some(-1.5), max: Some(4.0) };
        for value in ["-1.5", "4", "4.0", "0", "1e0", " 2 "] {
            assert_eq!(kind.accept(value).unwrap(), value.trim());
        }
        for value in ["-1.51", "4.0001", "", "inf", "-inf", "NaN", "1,5", "0x1", "1e999", "1 2", "٣"] {
            assert!(kind.accept(value).is_err(), "{value}");
        }
    }

    #[test]
    fn what_is_chosen_is_an_option_letter_for_letter() {
        let kind = Kind::Choice { options: vec!["ok".into(), "worn".into()] };
        assert!(kind.accept("worn").is_ok());
        assert!(kind.accept("WORN").is_err() && kind.accept("").is_err());
        assert!(Kind::YesNo.accept("YES").is_ok());
        assert!(Kind::YesNo.accept("yes").is_err() && Kind::YesNo.accept("MAYBE").is_err());
    }

    #[test]
    fn no_title_and_no_option_shows_other_letters_than_it_has() {
        let turned = |text: &str| format!("Open \u{202e}{text}");
        let titled = Step { title: turned("evlav"), ..step(Kind::Text) };
        let chosen = step(Kind::Choice { options: vec![turned("neddo")] });
        assert_eq!(fields(vec![titled, chosen]), ["steps.0.title", "steps.1.options"]);
        let instructed = Step { instructions: "Line one\n\tand \u{0}".into(), ..step(Kind::Text) };
        assert_eq!(fields(vec![instructed]), ["steps.0.instructions"]);
    }

    #[test]
    fn every_wrong_field_is_named_by_its_path() {
        let none = Kind::Choice { options: Vec::new() };
        let twice = Kind::Choice { options: vec!["a".into(), "a".into()] };
        let crossed = Kind::Number { unit: String::new(), min: Some(2.0), max: Some(1.0) };
        let endless = Kind::Number { unit: String::new(), min: Some(f64::NAN), max: None };
        let boundless = Kind::Number { unit: String::new(), min: None, max: Some(f64::INFINITY) };
        let untitled = Step { title: " \n ".into(), ..step(Kind::Text) };
        let steps = vec![step(none), step(twice), step(crossed), step(endless), step(boundless), untitled];
        let wrong = ["0.options", "1.options", "2.max", "3.min", "4.max", "5.title"];
        assert_eq!(fields(steps), wrong.map(|field| format!("steps.{field}")));
        assert_eq!(fields(vec![step(Kind::Text); 201]), ["steps"]);
    }

    #[test]
    fn steps_come_out_of_the_store_as_they_went_in() {
        let kinds = [
            Kind::Text,
            Kind::Number { unit: "°C".into(), min: Some(0.1), max: None },
            Kind::YesNo,
            Kind::Choice { options: vec!["a".into()] },
            Kind::Photo,
        ];
        let steps = Steps::parse(kinds.map(step).to_vec()).unwrap();
        assert_eq!(Steps::stored(&steps.to_text().unwrap()).unwrap(), steps);
        assert_eq!(steps.numbered(1).unwrap().kind, Kind::Text);
        assert!(steps.numbered(0).is_none() && steps.numbered(6).is_none());
    }
}
