use std::ops::RangeInclusive;

use serde_json::Value;

use crate::http::Reply;

/// What a kind of reply means.
///
/// A rule matches by the status, by what is at a pointer of the body, or by both. Unless told, what
/// matches aborts the run.
///
/// # Examples
///
/// ```
/// use floe::source::remote::json_api::Rule;
///
/// // Wikimedia has no rows for this article, OMDb's day is used up, MediaWiki is busy.
/// let rules = [
///     Rule::status(404).empty(),
///     Rule::body_has("/Error", "limit reached").and_status(401..=401).stop(),
///     Rule::body_is("/error/code", "maxlag").retry(),
/// ];
/// # let _ = rules;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a rule does nothing until it is given to an API"]
pub struct Rule {
    status: Option<RangeInclusive<u16>>,
    body: Option<(String, Test)>,
    action: Action,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Is(Value),
    Has(String),
    Any,
}

/// What is done about a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Retry,
    Empty,
    Skip,
    Stop,
    Abort,
}

impl Rule {
    fn new(status: Option<RangeInclusive<u16>>, body: Option<(String, Test)>) -> Self {
        Self {
            status,
            body,
            action: Action::Abort,
        }
    }

    /// Matches a status.
    pub fn status(status: u16) -> Self {
        Self::statuses(status..=status)
    }

    /// Matches some statuses.
    pub fn statuses(statuses: RangeInclusive<u16>) -> Self {
        Self::new(Some(statuses), None)
    }

    /// Matches where the body has this value at a pointer.
    pub fn body_is(pointer: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(None, Some((pointer.into(), Test::Is(value.into()))))
    }

    /// Matches where the body has a text at a pointer that contains this one, in upper or lower case.
    pub fn body_has(pointer: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into().to_lowercase();
        Self::new(None, Some((pointer.into(), Test::Has(text))))
    }

    /// Matches where the body has anything but null at a pointer.
    pub fn body_at(pointer: impl Into<String>) -> Self {
        Self::new(None, Some((pointer.into(), Test::Any)))
    }

    /// Matches only with one of these statuses besides.
    pub fn and_status(mut self, statuses: RangeInclusive<u16>) -> Self {
        self.status = Some(statuses);
        self
    }

    fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// The same request is sent again after a pause.
    pub fn retry(self) -> Self {
        self.action(Action::Retry)
    }

    /// There are no rows, and that is all right.
    pub fn empty(self) -> Self {
        self.action(Action::Empty)
    }

    /// The item is passed over, with the reason in the manifest.
    pub fn skip(self) -> Self {
        self.action(Action::Skip)
    }

    /// The run ends as partial; the next one goes on from here.
    pub fn stop(self) -> Self {
        self.action(Action::Stop)
    }

    /// The run ends as aborted, and with an error.
    pub fn abort(self) -> Self {
        self.action(Action::Abort)
    }

    pub(super) fn pointer(&self) -> Option<&str> {
        let (pointer, _) = self.body.as_ref()?;
        Some(pointer)
    }

    fn matches(&self, reply: &Reply, body: Option<&Value>) -> bool {
        let by_status = self.status.as_ref();
        let by_status = by_status.is_none_or(|statuses| statuses.contains(&reply.status()));
        let by_body = self.body.as_ref().is_none_or(|(pointer, test)| {
            let found = body.and_then(|body| body.pointer(pointer));
            let found = found.filter(|value| !value.is_null());
            found.is_some_and(|found| match test {
                Test::Is(value) => found == value,
                Test::Has(text) => {
                    let found = found
                        .as_str()
                        .map_or_else(|| found.to_string(), str::to_owned);
                    found.to_lowercase().contains(text)
                }
                Test::Any => true,
            })
        });
        by_status && by_body
    }

    /// What the first rule that matches says, and why.
    pub(super) fn first(
        rules: &[Self],
        reply: &Reply,
        body: Option<&Value>,
    ) -> Option<(Action, String)> {
        let rule = rules.iter().find(|rule| rule.matches(reply, body))?;
        // A value that was asked for by itself tells nothing new.
        let telling = rule
            .body
            .as_ref()
            .filter(|(_, test)| !matches!(test, Test::Is(_)));
        let found = telling.and_then(|(pointer, _)| body?.pointer(pointer));
        let why = match found {
            Some(Value::String(text)) => text.clone(),
            _ => reply.excerpt(),
        };
        Some((rule.action, format!("{}: {why}", reply.status())))
    }
}
