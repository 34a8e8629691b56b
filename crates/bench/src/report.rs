//! What is told at the end: the figures beside their targets, the plain rates, a table and JSON.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::sample::Sample;

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// It must reach this.
    AtLeast(f64),
    /// It may reach this.
    AtMost(f64),
    /// It must stay under this.
    Below(f64),
}

impl Target {
    fn of(name: &str) -> Option<Self> {
        match name {
            "bearer_vs_hello" => Some(Self::AtLeast(0.7)),
            "signin_vs_hash" => Some(Self::AtLeast(0.95)),
            "refresh_vs_commit" => Some(Self::AtLeast(0.6)),
            "idle_rss_mb" => Some(Self::AtMost(40.0)),
            "start_ms" => Some(Self::AtMost(150.0)),
            "pages_p99_ms" => Some(Self::Below(5.0)),
            "bearer_p99_ms_during_signin_storm" => Some(Self::Below(10.0)),
            "signin_p99_while_providers_hang" => Some(Self::Below(2.0)),
            "growth_bearer" | "growth_signin" => Some(Self::AtMost(1.5)),
            "tenants_bearer" | "tenants_signin" => Some(Self::AtMost(1.2)),
            name if name.starts_with("lists ") => Some(Self::AtMost(3.0)),
            _ => None,
        }
    }

    /// Whether a value holds. What is not a number holds nothing.
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Below(bound) => value < bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
            Self::Below(bound) => format!("< {bound}"),
        }
    }
}

/// One figure, held against its target if it has one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    name: Cow<'static, str>,
    value: f64,
    unit: &'static str,
    target: Option<Target>,
    holds: Option<bool>,
    rounds: Vec<f64>,
}

impl Figure {
    /// A figure and the rounds it is the median of.
    pub(crate) fn new(name: impl Into<Cow<'static, str>>, value: f64, unit: &'static str, rounds: Vec<f64>) -> Self {
        let name = name.into();
        let target = Target::of(&name);
        Self { name, value, unit, target, holds: target.map(|target| target.holds(value)), rounds }
    }
}

/// A plain rate over its rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rate {
    name: Cow<'static, str>,
    #[serde(flatten)]
    median: Sample,
    /// How many were told that the server is busy.
    busy: u64,
    rounds: Vec<f64>,
}

impl Rate {
    /// The medians of the rounds.
    pub(crate) fn new(name: impl Into<Cow<'static, str>>, rounds: &[Sample]) -> Self {
        let rates = rounds.iter().map(|round| round.per_second).collect();
        Self { name: name.into(), median: Sample::median(rounds), busy: 0, rounds: rates }
    }

    /// The same, with how many were told that the server is busy.
    pub(crate) fn with_busy(self, busy: u64) -> Self {
        Self { busy, ..self }
    }
}

/// The results on one store.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Section {
    /// Which store.
    pub(crate) store: &'static str,
    /// What is held against a target.
    pub(crate) figures: Vec<Figure>,
    /// What they were made from.
    pub(crate) rates: Vec<Rate>,
}

/// All there is to tell.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// What was tested.
    pub(crate) program: String,
    /// Processors of the machine it ran on.
    pub(crate) cpus: usize,
    /// Whether server and generator had processors of their own in the bearer check.
    pub(crate) pinned: bool,
    /// A section for each store.
    pub(crate) sections: Vec<Section>,
}

impl Report {
    /// The figures that fall short of their target.
    pub(crate) fn shortfalls(&self) -> Vec<String> {
        let figures =
            self.sections.iter().flat_map(|section| section.figures.iter().map(move |it| (section.store, it)));
        figures
            .filter(|(_, figure)| figure.holds == Some(false))
            .map(|(store, figure)| format!("{} on {store}: {}", figure.name, number(figure.value)))
            .collect()
    }

    /// As a table for people.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{} on {} processors\n", self.program, self.cpus);
        for section in &self.sections {
            let _ = write!(text, "\n{}\n{}\n{}", section.store, figures(&section.figures), rates(&section.rates));
        }
        text
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn figures(figures: &[Figure]) -> String {
    let mut text = format!("  {:<36} {:>10}  {:<4} {:>8}  {:<6} rounds\n", "figure", "median", "", "target", "");
    for figure in figures {
        let target = figure.target.map(Target::text).unwrap_or_default();
        let verdict = figure.holds.map_or("", |holds| if holds { "holds" } else { "SHORT" });
        let _ = writeln!(
            text,
            "  {:<36} {:>10}  {:<4} {target:>8}  {verdict:<6} {}",
            figure.name,
            number(figure.value),
            figure.unit,
            spread(&figure.rounds)
        );
    }
    text
}

fn rates(rates: &[Rate]) -> String {
    let mut text = format!(
        "  {:<36} {:>10} {:>9} {:>9} {:>9} {:>6}  rounds\n",
        "rate", "per s", "p50 ms", "p99 ms", "cpu µs", "busy"
    );
    for rate in rates {
        let Sample { per_second, p50_ms, p99_ms, cpu_us } = rate.median;
        let cpu = cpu_us.map(number).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:<36} {:>10} {:>9} {:>9} {cpu:>9} {:>6}  {}",
            rate.name,
            number(per_second),
            number(p50_ms),
            number(p99_ms),
            rate.busy,
            spread(&rate.rounds)
        );
    }
    text
}

fn spread(rounds: &[f64]) -> String {
    let least = rounds.iter().copied().min_by(f64::total_cmp);
    let most = rounds.iter().copied().max_by(f64::total_cmp);
    match (least, most) {
        (Some(least), Some(most)) => format!("{} – {}", number(least), number(most)),
        _ => String::new(),
    }
}

/// Three digits or all before the point, whichever are more.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(value: f64) -> Report {
        let figures = vec![Figure::new("signin_vs_hash", value, "×", vec![value])];
        let section = Section { store: "SQLite", figures, rates: Vec::new() };
        Report { program: "purser".into(), cpus: 4, pinned: true, sections: vec![section] }
    }

    #[test]
    fn a_figure_short_of_its_target_is_told() {
        assert_eq!(report(0.94).shortfalls(), ["signin_vs_hash on SQLite: 0.940"]);
        assert!(report(0.95).shortfalls().is_empty());
    }

    #[test]
    fn what_is_not_a_number_is_short() {
        assert_eq!(report(f64::NAN).shortfalls().len(), 1);
    }

    #[test]
    fn the_table_shows_value_target_and_verdict() {
        let table = report(0.9).table();
        let line = table.lines().find(|line| line.contains("signin_vs_hash")).unwrap();
        assert!(line.contains("0.900") && line.contains("≥ 0.95") && line.contains("SHORT"), "{line}");
    }
}
