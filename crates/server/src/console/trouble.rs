//! [`Trouble`], why a form could not be taken, as the form itself says it.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use purser_core::error::{Error, Problem};

use super::words;
use crate::fault::{Answer, Fault, Verdict};

/// Nothing, or why not: one sentence for the whole, and one for each field.
#[derive(Default)]
pub(super) struct Trouble {
    /// About the whole.
    pub(super) sentence: &'static str,
    problems: Vec<Problem>,
    refused: Option<Refused>,
}

/// How a refusal is answered.
struct Refused {
    status: StatusCode,
    wait: Option<HeaderValue>,
    verdict: Verdict,
}

impl Trouble {
    /// What the person can put right in the form, or try again with it. Everything else is a page of its own.
    ///
    /// # Errors
    /// Everything else.
    pub(super) fn of(error: Error) -> Answer<Self> {
        let Some(sentence) = words::in_a_form(&error) else { return Err(error.into()) };
        Ok(Self::saying(error, sentence))
    }

    /// The same for any refusal, in words that this form alone has for it.
    pub(super) fn saying(error: Error, sentence: &'static str) -> Self {
        let problems = match &error {
            Error::Invalid(problems) => problems.clone(),
            _ => Vec::new(),
        };
        let fault = Fault::from(error);
        let field = problems.first().map(|problem| problem.field.clone());
        let refused = Refused {
            status: fault.status(),
            wait: fault.headers().get(RETRY_AFTER).cloned(),
            verdict: Verdict { code: fault.code(), field, cause: None },
        };
        Self { sentence, problems, refused: Some(refused) }
    }

    /// What a form says of a refusal; nothing if that is a page of its own.
    pub(super) fn in_words(error: &Error) -> &'static str {
        words::in_a_form(error).unwrap_or_default()
    }

    /// What is wrong with a field, or with one of the things it lists; empty if nothing is.
    pub(super) fn about(&self, field: &str) -> &str {
        self.problems.iter().find(|it| blames(it, field)).map_or("", |it| &it.reason)
    }

    /// What is wrong with anything else.
    pub(super) fn besides(&self, fields: &[&str]) -> Vec<String> {
        let others = self.problems.iter().filter(|it| !fields.iter().any(|field| blames(it, field)));
        others.map(|it| format!("{}: {}", it.field, it.reason)).collect()
    }

    /// Answers with the form as it is the API's to answer: same status, same wait, same line in the log.
    pub(super) fn answer(self, page: Answer) -> Answer {
        let mut response = page?;
        if let Some(Refused { status, wait, verdict }) = self.refused {
            *response.status_mut() = status;
            response.headers_mut().extend(wait.map(|wait| (RETRY_AFTER, wait)));
            response.extensions_mut().insert(verdict);
        }
        Ok(response)
    }
}

fn blames(problem: &Problem, field: &str) -> bool {
    problem.field.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}
