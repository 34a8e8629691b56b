//! The refresh rule as a pure state machine: which refresh token is good, which means a copy is about, and what comes next.
//!
//! The usual rule (RFC 9700 section 4.14.2: every token works once, a second use ends the session) signs honest people
//! out whenever an answer is lost on the way. Here a token is spent not when it is presented but when its *child* is:
//! only then is it certain that the answer arrived. Two holders of one token still cannot both go on: each gets on by
//! presenting a child, and the second child presented gives them away.

use std::time::Duration;

use crate::env::Timestamp;

/// How long a token presented again is answered with the child it was answered with before. So lost answers and
/// parallel tabs do not make siblings, of which only one can live.
pub(crate) const SAME_CHILD: Duration = Duration::from_mins(1);

/// Tells children of one parent apart. Random, so that what a child will be cannot be known before it is issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Branch(pub(crate) [u8; 8]);

/// What a refresh token says of itself, its seal already checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Presented {
    /// How many refreshes lie behind it; the first token of a session has 1.
    pub(crate) generation: u32,
    /// Which child of its parent it is.
    pub(crate) branch: Branch,
}

/// What a session remembers of its refresh tokens: the one last presented, and that one's latest child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// Generation of the token last presented; 0 as long as none was.
    pub(crate) generation: u32,
    /// Branch of the token last presented; zeros as long as none was.
    pub(crate) branch: Branch,
    /// Branch of the child last issued, of the generation after.
    pub(crate) child: Branch,
    /// When that child was first issued.
    pub(crate) child_since: Timestamp,
}

/// How a token is answered that is presented again although its child was issued long ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rule {
    /// With a new child: a lost answer never signs anyone out, however late it is noticed.
    #[default]
    Standard,
    /// As a replay: a tenant may prefer a sign-in too many to a copy that is never told from its owner.
    Strict,
}

/// The answer to a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Good. If the step changes the session, `next` must be stored before `issued` is handed out, and only in place
    /// of the lineage that was asked; if that is gone, ask again.
    Answer {
        /// What the session remembers from now on.
        next: Lineage,
        /// The refresh token to hand out.
        issued: Presented,
        /// What happened, and so whether anything is to be stored.
        step: Step,
    },
    /// Two holders use one token: the whole session ends.
    Replay,
    /// No token we ever made; whoever sent it is told so, and nothing is touched.
    NeverIssued,
}

/// What a good refresh token brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A child was presented for the first time; its parent is spent. Changes the session.
    Advanced,
    /// A token was presented again soon after: the same child once more. Changes nothing.
    Repeated,
    /// A token was presented again much later: a new child. Changes the session.
    Renewed,
}

impl Lineage {
    /// The lineage of a new session: nothing presented yet, `child` just issued with the sign-in's answer.
    pub(crate) fn born(child: Branch, now: Timestamp) -> Self {
        Self { generation: 0, branch: Branch::default(), child, child_since: now }
    }

    /// The refresh token last issued. A lineage stands at most one below the end of its generations, see
    /// [`Lineage::decide`].
    pub(crate) fn issued(&self) -> Presented {
        Presented { generation: self.generation.saturating_add(1), branch: self.child }
    }

    /// Judges a refresh token whose seal is good. `fresh` becomes the child's branch if a new child is needed.
    pub(crate) fn decide(&self, presented: Presented, rule: Rule, now: Timestamp, fresh: Branch) -> Verdict {
        // Generation 0 is the root that no token has. The last one cannot have a child; at the pace tokens are
        // accepted it lies centuries away.
        if matches!(presented.generation, 0 | u32::MAX) {
            return Verdict::NeverIssued;
        }
        match presented.generation.checked_sub(self.generation) {
            Some(1) => advance(presented, now, fresh),
            Some(0) if presented.branch == self.branch => self.repeat(rule, now, fresh),
            Some(0) | None => Verdict::Replay,
            Some(_) => Verdict::NeverIssued,
        }
    }

    fn repeat(&self, rule: Rule, now: Timestamp, fresh: Branch) -> Verdict {
        // A clock that went back makes the child lie ahead, which counts as just issued.
        if now.since(self.child_since) <= SAME_CHILD {
            return answer(*self, Step::Repeated);
        }
        match rule {
            Rule::Standard => answer(Self { child: fresh, child_since: now, ..*self }, Step::Renewed),
            Rule::Strict => Verdict::Replay,
        }
    }
}

/// The branch is not compared with the child last issued: an older child of the same parent is as good, for its answer
/// may be the one that arrived.
fn advance(Presented { generation, branch }: Presented, now: Timestamp, fresh: Branch) -> Verdict {
    answer(Lineage { generation, branch, child: fresh, child_since: now }, Step::Advanced)
}

fn answer(next: Lineage, step: Step) -> Verdict {
    Verdict::Answer { next, issued: next.issued(), step }
}

#[cfg(test)]
mod tests;
