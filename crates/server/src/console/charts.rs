//! Charts, drawn by the server: where the bars of a picture lie. Lengths across are shares of the width, so that one picture fits every
//! screen and its letters stay as large as all others.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp as Instant;
use purser_core::audit::SignInDay;

/// How high the picture of days is, and where its bars begin and end.
const HEIGHT: f64 = 200.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 176.0;
/// The share of the width that is left to the numbers at the side.
const MARGIN: f64 = 8.0;

/// A length as it is written into a picture: to a tenth.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Length(f64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.1}", self.0);
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

/// One series of a chart: its colour in the stylesheet, and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    class: &'static str,
    name: &'static str,
}

/// What is counted of a day.
type Counted = fn(&SignInDay) -> i64;

const WAYS: [(Series, Counted); 4] = [
    (Series { class: "c1", name: "Password" }, |day| day.password),
    (Series { class: "c2", name: "Sign-in service" }, |day| day.provider),
    (Series { class: "c3", name: "Passkey" }, |day| day.passkey),
    (Series { class: "c4", name: "Invitation" }, |day| day.invitation),
];
const REFUSED: Series = Series { class: "c5", name: "Refused" };

/// Sign-ins day by day: who was let in above the line, who was not below it.
#[derive(Template)]
#[template(path = "console/parts/days.html")]
pub(super) struct DaysChart {
    lines: Vec<GridLine>,
    days: Vec<Day>,
    labels: Vec<Label>,
    legend: Vec<(Series, String)>,
    /// What it shows, in one sentence.
    told: String,
    base: Length,
}

/// A line behind the bars, and the number it stands for.
struct GridLine {
    y: Length,
    label_y: Length,
    value: String,
}

/// A day's bars, and the same as a row of the table.
struct Day {
    name: String,
    told: String,
    bars: Vec<Bar>,
    cells: Vec<String>,
}

/// A part of a bar.
struct Bar {
    class: &'static str,
    x: Length,
    width: Length,
    y: Length,
    height: Length,
}

/// The name of a day below it.
struct Label {
    x: Length,
    /// Which part of it stands there: today's would reach beyond the picture by half.
    anchor: &'static str,
    text: String,
}

impl HtmlSafe for DaysChart {}

impl DaysChart {
    /// Of these days, today last.
    pub(super) fn of(days: &[SignInDay]) -> Self {
        let most = |count: Counted| days.iter().map(count).max().unwrap_or(0);
        let (up, down) = (most(SignInDay::done), most(|day| day.refused));
        let step = step_of(up + down);
        let scale = Scale::of(up.max(1), down, step);
        let slot = (100.0 - MARGIN) / share(days.len());
        let sum = |count: Counted| days.iter().map(count).sum::<i64>();
        let (done, refused) = (sum(SignInDay::done), sum(|day| day.refused));
        let legend = WAYS.iter().map(|(series, count)| (*series, sum(*count))).chain([(REFUSED, refused)]);
        // Every few days, and always today.
        let every = if days.len() > 14 { 7 } else { 4 };
        let labelled = days.iter().enumerate().filter(|(at, _)| (days.len() - 1 - at).is_multiple_of(every));
        let label = |at: usize, day: &SignInDay| {
            let last = at + 1 == days.len();
            let (x, anchor) = if last { (100.0, "end") } else { (MARGIN + slot * (share(at) + 0.5), "middle") };
            Label { x: Length(x), anchor, text: named(day, "%-d %b") }
        };
        Self {
            lines: scale.lines(step),
            labels: labelled.map(|(at, day)| label(at, day)).collect(),
            days: days
                .iter()
                .enumerate()
                .map(|(at, day)| Day::of(day, MARGIN + slot * share(at), slot, &scale))
                .collect(),
            legend: legend
                .filter(|(series, count)| *count > 0 || series.class == "c1")
                .map(|(series, count)| (series, grouped(count)))
                .collect(),
            told: told(days, done, refused),
            base: Length(scale.y(0)),
        }
    }

    /// The names of the table's columns.
    fn columns() -> Vec<&'static str> {
        WAYS.iter().map(|(series, _)| series.name).chain([REFUSED.name]).collect()
    }
}

fn share(number: usize) -> f64 {
    u32::try_from(number).map_or(0.0, f64::from)
}

fn told(days: &[SignInDay], done: i64, refused: i64) -> String {
    let busiest = days.iter().max_by_key(|day| day.done()).filter(|day| day.done() > 0);
    let busiest = busiest.map_or_else(String::new, |day| format!(" Most on {}: {}.", named(day, "%-d %B"), day.done()));
    format!("{done} sign-ins and {refused} refusals in {} days.{busiest}", days.len())
}

fn named(day: &SignInDay, format: &str) -> String {
    Instant::from_microsecond(day.begins.0).map(|at| at.strftime(format).to_string()).unwrap_or_default()
}

/// Where a number of sign-ins is drawn.
struct Scale {
    up: i64,
    down: i64,
    base: f64,
    each: f64,
}

impl Scale {
    /// So that this many fit above and below the line, and a line of the grid ends it at the top.
    fn of(up: i64, down: i64, step: i64) -> Self {
        let whole = |count: i64| (count + step - 1) / step * step;
        let (up, down) = (whole(up), whole(down));
        let each = (BOTTOM - TOP) / float(up + down);
        Self { up, down, base: TOP + each * float(up), each }
    }

    fn y(&self, count: i64) -> f64 {
        self.base - self.each * float(count)
    }

    fn lines(&self, step: i64) -> Vec<GridLine> {
        let values = (-self.down / step..=self.up / step).map(|at| at * step);
        let line = |value: i64| {
            let y = self.y(value);
            GridLine { y: Length(y), label_y: Length(y + 4.0), value: short(value.abs()) }
        };
        values.map(line).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a picture has no room for more digits")]
fn float(number: i64) -> f64 {
    number as f64
}

/// A number in few letters: `1.2k`.
fn short(number: i64) -> String {
    match number {
        ..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}k", Length(float(number) / 1_000.0)),
        _ => format!("{}M", Length(float(number) / 1_000_000.0)),
    }
}

/// A round number of which about four make so many: 1, 2, 5, 10, 20, 50 and on.
fn step_of(most: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for step in [power, power.saturating_mul(2), power.saturating_mul(5)] {
            if step.saturating_mul(4) >= most {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

impl Day {
    fn of(day: &SignInDay, left: f64, slot: f64, scale: &Scale) -> Self {
        let mut bars = Vec::new();
        let mut reached = 0;
        let mut bar = |series: Series, from: i64, to: i64| {
            let (y, end) = (scale.y(to), scale.y(from));
            // A line of paper between two parts of a bar.
            let height = if end - y > 3.0 { end - y - 1.0 } else { end - y };
            let (x, width) = (Length(left + slot * 0.16), Length(slot * 0.68));
            bars.push(Bar { class: series.class, x, width, y: Length(y), height: Length(height) });
        };
        for (series, count) in WAYS {
            let count = count(day);
            if count > 0 {
                bar(series, reached, reached + count);
                reached += count;
            }
        }
        if day.refused > 0 {
            bar(REFUSED, -day.refused, 0);
        }
        let counts = WAYS.iter().map(|(series, count)| (series.name, count(day))).chain([("Refused", day.refused)]);
        let some: Vec<String> =
            counts.clone().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
        let name = named(day, "%a %-d %b");
        let told = if some.is_empty() { format!("{name}: none") } else { format!("{name}: {}", some.join(", ")) };
        Self { name, told, bars, cells: counts.map(|(_, count)| grouped(count)).collect() }
    }
}

/// A bar of several parts that lie side by side, with what each stands for below it.
#[derive(Template)]
#[template(path = "console/parts/shares.html")]
pub(super) struct SharesChart {
    /// What the bar shows, in words.
    told: String,
    parts: Vec<Share>,
}

/// One of its parts.
struct Share {
    class: &'static str,
    x: Length,
    width: Length,
    label: &'static str,
    count: String,
    href: Option<&'static str>,
}

impl HtmlSafe for SharesChart {}

/// What there is so many of: colour, name, count, and where it is found.
pub(super) type Part = (&'static str, &'static str, i64, Option<&'static str>);

impl SharesChart {
    /// Of these parts. Counts as high as `counted` are said to be that and more.
    pub(super) fn of(parts: &[Part], counted: i64) -> Self {
        let all = float(parts.iter().map(|(_, _, count, _)| count.max(&0)).sum::<i64>().max(1));
        let mut left = 0.0;
        let share = |(class, label, count, href): &Part| {
            let width = 100.0 * float((*count).max(0)) / all;
            let share = Share {
                class,
                x: Length(left),
                width: Length(width),
                label,
                count: if *count >= counted { format!("{}+", grouped(counted)) } else { grouped(*count) },
                href: *href,
            };
            left += width;
            share
        };
        let parts: Vec<Share> = parts.iter().map(share).collect();
        let told = parts.iter().map(|it| format!("{}: {}", it.label, it.count)).collect::<Vec<_>>().join(", ");
        Self { told, parts }
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use purser_core::env::Timestamp;

    use super::*;

    fn day(password: i64, provider: i64, refused: i64) -> SignInDay {
        SignInDay {
            begins: Timestamp::from_seconds(1_800_000_000),
            password,
            provider,
            passkey: 0,
            invitation: 0,
            refused,
        }
    }

    #[test]
    fn lines_stand_at_round_numbers() {
        assert_eq!([0, 1, 4, 5, 9, 40, 41, 4_001].map(step_of), [1, 1, 1, 2, 5, 10, 20, 2_000]);
        assert_eq!([999, 1_000, 1_250, 2_000_000].map(short), ["999", "1k", "1.2k", "2M"]);
        assert_eq!([0, 999, 1_000, 1_234_567, -1_234].map(grouped), ["0", "999", "1,000", "1,234,567", "-1,234"]);
    }

    #[test]
    fn who_was_let_in_stands_above_the_line_and_who_was_not_below() {
        let chart = DaysChart::of(&[day(3, 1, 2), day(0, 0, 0)]);
        let base = chart.base.0;
        let bars: Vec<_> = chart.days[0].bars.iter().map(|bar| (bar.class, bar.y.0 < base)).collect();
        assert_eq!(bars, [("c1", true), ("c2", true), ("c5", false)]);
        assert_eq!(chart.days[0].told, "Fri 15 Jan: Password 3, Sign-in service 1, Refused 2");
        assert_eq!(chart.days[1].told, "Fri 15 Jan: none");
        assert_eq!(chart.told, "4 sign-ins and 2 refusals in 2 days. Most on 15 January: 4.");
    }

    #[test]
    fn nothing_is_drawn_too() {
        let chart = DaysChart::of(&[day(0, 0, 0); 14]);
        assert!(chart.days.iter().all(|day| day.bars.is_empty()) && chart.labels.len() == 4);
        assert!(SharesChart::of(&[("c1", "None", 0, None)], 10).to_string().contains("None"));
    }

    proptest! {
        #[test]
        fn every_bar_lies_inside_the_picture(counts in prop::collection::vec((0_i64..1_000_000, 0_i64..5_000, 0_i64..100_000), 1..31)) {
            let days: Vec<_> = counts.into_iter().map(|(a, b, c)| day(a, b, c)).collect();
            let chart = DaysChart::of(&days);
            for bar in chart.days.iter().flat_map(|day| &day.bars) {
                prop_assert!(bar.x.0 >= MARGIN && bar.x.0 + bar.width.0 <= 100.01);
                prop_assert!(bar.y.0 >= TOP - 0.01 && bar.y.0 + bar.height.0 <= BOTTOM + 0.01 && bar.height.0 >= 0.0);
            }
            prop_assert!(chart.lines.len() <= 7);
            prop_assert!(HEIGHT > BOTTOM);
        }
    }
}
