//! What is different between the steps of two versions. Pure.

use std::collections::{BTreeMap, BTreeSet};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Kind, Step, Steps};

/// What became of a step, or of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// It is as it was.
    Same,
    /// It is there no more.
    Removed,
    /// It is new.
    Added,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What became of it.
    pub apart: Apart,
    /// Its letters.
    pub text: String,
}

/// One step in the later version, or one that is not in it any more.
#[derive(Clone, Debug, PartialEq)]
pub struct StepChange {
    /// What became of it as a whole: `Same` also if its words are others.
    pub apart: Apart,
    /// Its number in the earlier version.
    pub was: Option<usize>,
    /// Its number in the later version.
    pub is: Option<usize>,
    /// Whether its place among the others is another one.
    pub moved: bool,
    /// Its title, word by word.
    pub title: Vec<Piece>,
    /// Its instructions, word by word.
    pub instructions: Vec<Piece>,
    /// What it wants recorded, before and after. The same twice, if that stayed; or if there is only one.
    pub kind: (Kind, Kind),
    /// Whether it needs a record, before and after.
    pub record_required: (bool, bool),
}

impl StepChange {
    /// Whether nothing about it is different but perhaps its number.
    pub fn is_same(&self) -> bool {
        let words = self.title.iter().chain(&self.instructions);
        self.apart == Apart::Same
            && !self.moved
            && self.kind.0 == self.kind.1
            && self.record_required.0 == self.record_required.1
            && words.into_iter().all(|piece| piece.apart == Apart::Same)
    }

    fn whole(apart: Apart, number: usize, step: &Step) -> Self {
        let text = |text: &str| if text.is_empty() { Vec::new() } else { vec![Piece { apart, text: text.into() }] };
        Self {
            apart,
            was: (apart == Apart::Removed).then_some(number),
            is: (apart == Apart::Added).then_some(number),
            moved: false,
            title: text(&step.title),
            instructions: text(&step.instructions),
            kind: (step.kind.clone(), step.kind.clone()),
            record_required: (step.record_required, step.record_required),
        }
    }
}

/// What is different between two versions: every step of the later in its order, and among them those of the earlier that are gone, where
/// they were.
pub fn between(earlier: &Steps, later: &Steps) -> Vec<StepChange> {
    let (earlier, later) = (earlier.all(), later.all());
    let pairs = pairs(earlier, later);
    let stable = unmoved(&pairs);
    let taken: BTreeSet<usize> = pairs.values().copied().collect();
    let mut gone: Vec<(usize, &Step)> = earlier.iter().enumerate().filter(|(was, _)| !taken.contains(was)).collect();
    let mut effort = MOST_EFFORT;
    let mut changes = Vec::with_capacity(later.len() + gone.len());
    for (is, step) in later.iter().enumerate() {
        let pair = pairs.get(&is).and_then(|was| Some((*was, earlier.get(*was)?)));
        let Some((was, before)) = pair else {
            changes.push(StepChange::whole(Apart::Added, is + 1, step));
            continue;
        };
        if stable.contains(&was) {
            let (here, rest): (Vec<_>, Vec<_>) = gone.into_iter().partition(|(other, _)| *other < was);
            changes.extend(here.into_iter().map(|(was, step)| StepChange::whole(Apart::Removed, was + 1, step)));
            gone = rest;
        }
        changes.push(StepChange {
            apart: Apart::Same,
            was: Some(was + 1),
            is: Some(is + 1),
            moved: !stable.contains(&was),
            title: words_between(&before.title, &step.title, &mut effort),
            instructions: words_between(&before.instructions, &step.instructions, &mut effort),
            kind: (before.kind.clone(), step.kind.clone()),
            record_required: (before.record_required, step.record_required),
        });
    }
    changes.extend(gone.into_iter().map(|(was, step)| StepChange::whole(Apart::Removed, was + 1, step)));
    changes
}

/// Which step of the earlier version each of the later one is, by their places: the very same in the same order; the very same elsewhere;
/// one of the same title; one that says much the same.
fn pairs(earlier: &[Step], later: &[Step]) -> BTreeMap<usize, usize> {
    let key = |step: &Step| earlier.iter().chain(later).position(|other| other == step).unwrap_or(usize::MAX);
    let (before, after): (Vec<_>, Vec<_>) = (earlier.iter().map(key).collect(), later.iter().map(key).collect());
    let mut pairs = BTreeMap::new();
    for op in capture_diff_slices(Algorithm::Myers, &before, &after) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            pairs.extend((0..len).map(|at| (new_index + at, old_index + at)));
        }
    }
    let taken: BTreeSet<usize> = pairs.values().copied().collect();
    let mut free: BTreeSet<usize> = (0..earlier.len()).filter(|was| !taken.contains(was)).collect();
    for alike in [|one: &Step, other: &Step| one == other, |one: &Step, other: &Step| one.title == other.title] {
        pair_up(earlier, later, &mut pairs, &mut free, |one, other| f64::from(u8::from(alike(one, other))));
    }
    pair_up(earlier, later, &mut pairs, &mut free, likeness);
    pairs
}

/// Two steps are taken for one that was changed if they are alike at least so far.
const ALIKE: f64 = 0.5;

/// Gives each step of the later version that has no pair yet the one that is most like it, of those that are left.
fn pair_up(
    earlier: &[Step],
    later: &[Step],
    pairs: &mut BTreeMap<usize, usize>,
    free: &mut BTreeSet<usize>,
    likeness: impl Fn(&Step, &Step) -> f64,
) {
    for (is, step) in later.iter().enumerate() {
        if pairs.contains_key(&is) {
            continue;
        }
        let rated = free.iter().filter_map(|was| Some((*was, likeness(earlier.get(*was)?, step))));
        // Of equals the first.
        let best = rated.reduce(|best, other| if other.1 > best.1 { other } else { best });
        if let Some((was, _)) = best.filter(|(_, rate)| *rate >= ALIKE) {
            pairs.insert(is, was);
            free.remove(&was);
        }
    }
}

/// How many of their words two steps have in common, of all they have: 0 to 1.
fn likeness(one: &Step, other: &Step) -> f64 {
    const LOOKED_AT: usize = 200;
    let bag = |step: &Step| -> BTreeSet<String> {
        let words = step.title.split_whitespace().chain(step.instructions.split_whitespace());
        words.take(LOOKED_AT).map(str::to_lowercase).collect()
    };
    let (one, other) = (bag(one), bag(other));
    let common = u32::try_from(one.intersection(&other).count()).unwrap_or(0);
    let all = u32::try_from(one.len() + other.len()).unwrap_or(u32::MAX);
    if all == 0 { 0.0 } else { 2.0 * f64::from(common) / f64::from(all) }
}

/// The steps, by their earlier places, that are in the same order as before: as many as can be. The others have moved.
fn unmoved(pairs: &BTreeMap<usize, usize>) -> BTreeSet<usize> {
    let after: Vec<usize> = pairs.values().copied().collect();
    let mut before = after.clone();
    before.sort_unstable();
    let ops = capture_diff_slices(Algorithm::Myers, &before, &after);
    let same = ops.into_iter().filter_map(|op| match op {
        DiffOp::Equal { old_index, len, .. } => before.get(old_index..old_index + len),
        _ => None,
    });
    same.flatten().copied().collect()
}

/// So much is compared word by word for one page. Beyond it, texts are shown as removed and added whole.
const MOST_EFFORT: usize = 20_000_000;

fn words_between(earlier: &str, later: &str, effort: &mut usize) -> Vec<Piece> {
    let (before, after) = (words(earlier), words(later));
    let cost = if earlier == later { 0 } else { before.len().saturating_mul(after.len()) };
    let whole = |apart, text: &str| (!text.is_empty()).then(|| Piece { apart, text: text.into() });
    if earlier == later {
        return whole(Apart::Same, later).into_iter().collect();
    }
    if cost > *effort {
        return whole(Apart::Removed, earlier).into_iter().chain(whole(Apart::Added, later)).collect();
    }
    *effort -= cost;
    let mut pieces = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &before, &after) {
        let (old, new) = (op.old_range(), op.new_range());
        let mut add = |apart, words: Option<&[&str]>| pieces.extend(whole(apart, &words.unwrap_or_default().concat()));
        if let DiffOp::Equal { .. } = op {
            add(Apart::Same, after.get(new));
        } else {
            add(Apart::Removed, before.get(old));
            add(Apart::Added, after.get(new));
        }
    }
    joined(pieces)
}

/// What is read as one change is shown as one: a lone space between two replaced words is replaced along with them.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut rest = pieces.into_iter().peekable();
    while let Some(piece) = rest.next() {
        let lone = piece.apart == Apart::Same && piece.text.trim().is_empty();
        let between = all.last().is_some_and(|it| it.apart != Apart::Same)
            && rest.peek().is_some_and(|it| it.apart != Apart::Same);
        if lone && between && !piece.text.contains('\n') {
            push(&mut all, Apart::Removed, &piece.text);
            push(&mut all, Apart::Added, &piece.text);
        } else {
            push(&mut all, piece.apart, &piece.text);
        }
    }
    all
}

/// Adds to the run of changes at the end: what was removed first, then what was added.
fn push(all: &mut Vec<Piece>, apart: Apart, text: &str) {
    let from_end = all.iter_mut().rev().take_while(|it| apart != Apart::Same && it.apart != Apart::Same);
    let same_kind = from_end.take(2).find(|it| it.apart == apart);
    if let Some(piece) = same_kind {
        piece.text.push_str(text);
        return;
    }
    let piece = Piece { apart, text: text.into() };
    let before_added = apart == Apart::Removed && all.last().is_some_and(|it| it.apart == Apart::Added);
    let at = if before_added { all.len() - 1 } else { all.len() };
    all.insert(at, piece);
}

/// A text in words, what stands between them, and single signs; together they are the text.
fn words(text: &str) -> Vec<&str> {
    let kind = |letter: char| match letter {
        _ if letter.is_alphanumeric() => 1,
        _ if letter.is_whitespace() => 2,
        _ => 0,
    };
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.char_indices().skip(1).find(|(_, it)| kind(first) == 0 || kind(*it) != kind(first));
        let (word, more) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        words.push(word);
        rest = more;
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(title: &str, instructions: &str) -> Step {
        Step { title: title.into(), instructions: instructions.into(), record_required: false, kind: Kind::Text }
    }

    fn steps(all: &[Step]) -> Steps {
        Steps::parse(all.to_vec()).unwrap()
    }

    fn text_of(pieces: &[Piece], without: Apart) -> String {
        pieces.iter().filter(|it| it.apart != without).map(|it| it.text.as_str()).collect()
    }

    /// The later version, made of the difference alone.
    fn later(changes: &[StepChange]) -> Vec<Step> {
        let there = changes.iter().filter(|it| it.apart != Apart::Removed);
        let step = |it: &StepChange| Step {
            title: text_of(&it.title, Apart::Removed),
            instructions: text_of(&it.instructions, Apart::Removed),
            record_required: it.record_required.1,
            kind: it.kind.1.clone(),
        };
        there.map(step).collect()
    }

    /// The earlier one, likewise.
    fn earlier(changes: &[StepChange]) -> Vec<Step> {
        let mut there: Vec<_> = changes.iter().filter(|it| it.apart != Apart::Added).collect();
        there.sort_by_key(|it| it.was);
        let step = |it: &StepChange| Step {
            title: text_of(&it.title, Apart::Added),
            instructions: text_of(&it.instructions, Apart::Added),
            record_required: it.record_required.0,
            kind: it.kind.0.clone(),
        };
        there.into_iter().map(step).collect()
    }

    /// As a line: `1>2 moved The [old] {new} title`.
    fn told(changes: &[StepChange]) -> Vec<String> {
        let number = |it: Option<usize>| it.map_or("-".into(), |it| it.to_string());
        let words = |pieces: &[Piece]| {
            let marked = |it: &Piece| match it.apart {
                Apart::Same => it.text.clone(),
                Apart::Removed => format!("[{}]", it.text),
                Apart::Added => format!("{{{}}}", it.text),
            };
            pieces.iter().map(marked).collect::<String>()
        };
        let line = |it: &StepChange| {
            let moved = if it.moved { " moved" } else { "" };
            format!("{}>{}{moved} {} | {}", number(it.was), number(it.is), words(&it.title), words(&it.instructions))
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn steps_are_kept_moved_changed_added_and_removed() {
        let before = [
            step("Switch off", "Turn the main switch to 0."),
            step("Open the cover", ""),
            step("Read the pressure", "Wait for the fan to stop."),
            step("Wipe the floor", ""),
        ];
        let after = [
            step("Read the pressure", "Wait until the fan has stopped."),
            step("Switch off", "Turn the main switch to 0."),
            step("Open the front cover", ""),
            step("Sign", "Your name."),
        ];
        let changes = between(&steps(&before), &steps(&after));
        assert_eq!(
            told(&changes),
            [
                "3>1 moved Read the pressure | Wait [for]{until} the fan [to stop]{has stopped}.",
                "1>2 Switch off | Turn the main switch to 0.",
                "2>3 Open the {front }cover | ",
                "->4 {Sign} | {Your name.}",
                "4>- [Wipe the floor] | ",
            ]
        );
        assert!(changes[1].is_same() && !changes[0].is_same() && !changes[2].is_same());
    }

    #[test]
    fn what_is_the_same_has_no_difference() {
        let all = steps(&[step("a", "b"), step("a", "b"), step("c", "")]);
        assert!(between(&all, &all).iter().all(StepChange::is_same));
        assert!(between(&Steps::default(), &Steps::default()).is_empty());
    }

    #[test]
    fn another_kind_of_record_is_a_difference() {
        let number = Step { kind: Kind::YesNo, record_required: true, ..step("a", "b") };
        let changes = between(&steps(&[step("a", "b")]), &steps(&[number]));
        assert_eq!(
            (changes.len(), changes[0].kind.1.as_str(), changes[0].record_required),
            (1, "YES_NO", (false, true))
        );
        assert!(!changes[0].is_same());
    }

    #[test]
    fn texts_without_end_are_compared_whole() {
        let long = |word: &str| format!("{word} ").repeat(1_600).trim().to_owned();
        let before: Vec<Step> = (0..20).map(|at| step(&format!("t{at}"), &long("abc"))).collect();
        let after: Vec<Step> = (0..20).map(|at| step(&format!("t{at}"), &long("xyz"))).collect();
        let changes = between(&steps(&before), &steps(&after));
        assert_eq!((later(&changes), earlier(&changes)), (after, before));
    }

    fn some_steps() -> impl Strategy<Value = Vec<Step>> {
        let words = prop::collection::vec(prop::sample::select(vec!["on", "off", "the", "fan.", "Ä", "\n", "-"]), 0..6);
        let title = prop::sample::select(vec!["a", "b", "c d", "e f g", "the fan"]);
        let one = (title, words, any::<bool>()).prop_map(|(title, words, required)| Step {
            title: title.into(),
            instructions: words.join(" ").trim().into(),
            record_required: required,
            kind: if required { Kind::YesNo } else { Kind::Text },
        });
        prop::collection::vec(one, 0..8)
    }

    proptest! {
        #[test]
        fn the_difference_applied_gives_the_other_version(before in some_steps(), after in some_steps()) {
            let changes = between(&steps(&before), &steps(&after));
            prop_assert_eq!(later(&changes), after);
            prop_assert_eq!(earlier(&changes), before);
        }
    }
}
