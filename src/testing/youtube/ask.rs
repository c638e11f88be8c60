//! What a call asks for, and what of it cannot be.

use jiff::Timestamp;

use super::ledger::Endpoint;
use super::refusal::Refusal;

/// Parameters that every method of Google takes.
const COMMON: &[&str] = &[
    "key",
    "alt",
    "fields",
    "prettyPrint",
    "quotaUser",
    "access_token",
    "oauth_token",
    "callback",
    "$.xgafv",
    "upload_protocol",
    "uploadType",
];

/// A call to one resource with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) endpoint: Endpoint,
    pub(super) params: Vec<(String, String)>,
}

impl Ask {
    /// A parameter; an empty one counts as none.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that may be given more than once, or with commas.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let given = self.params.iter().filter(|(known, _)| known == name);
        let parts = given.flat_map(|(_, value)| value.split(','));
        parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// Refuses what the method does not know.
    pub(super) fn check_names(&self, own: &[&str]) -> Result<(), Refusal> {
        let known = |name: &str| COMMON.contains(&name) || own.contains(&name);
        match self.params.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(Refusal::unknown_parameter(name)),
            None => Ok(()),
        }
    }

    /// The parts that are asked for.
    pub(super) fn parts(&self, known: &[&str]) -> Result<Vec<&str>, Refusal> {
        let parts = self.list("part");
        if parts.is_empty() {
            return Err(Refusal::missing("part"));
        }
        match parts.iter().find(|part| !known.contains(part)) {
            Some(part) => Err(Refusal::unknown_part(part)),
            None => Ok(parts),
        }
    }

    /// The one filter that is given, of several that exclude each other.
    pub(super) fn filter<'a>(&self, names: &[&'a str]) -> Result<&'a str, Refusal> {
        let given: Vec<_> = names
            .iter()
            .filter(|name| self.one(name).is_some())
            .collect();
        match given.as_slice() {
            [] => Err(Refusal::missing(&names.join(", "))),
            [only] => Ok(only),
            [..] => Err(Refusal::incompatible(
                &given
                    .iter()
                    .map(|name| **name)
                    .collect::<Vec<_>>()
                    .join(", "),
            )),
        }
    }

    pub(super) fn choice<'a>(
        &'a self,
        name: &str,
        known: &[&str],
        default: &'a str,
    ) -> Result<&'a str, Refusal> {
        match self.one(name) {
            None => Ok(default),
            Some(value) if known.contains(&value) => Ok(value),
            Some(value) => Err(Refusal::value(name, value)),
        }
    }

    /// `maxResults`, which must lie between the two.
    pub(super) fn max_results(&self, least: u32, most: u32, default: u32) -> Result<u32, Refusal> {
        let Some(text) = self.one("maxResults") else {
            return Ok(default);
        };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(Refusal::value("maxResults", text)),
        }
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let time = text.parse().map_err(|_| Refusal::value(name, text))?;
        Ok(Some(time))
    }

    /// Ids, of which no more than 50 may be given.
    pub(super) fn ids(&self) -> Result<Vec<&str>, Refusal> {
        let ids = self.list("id");
        if ids.len() > 50 {
            return Err(Refusal::value("id", &format!("{} ids", ids.len())));
        }
        Ok(ids)
    }

    /// What a page token must belong to: all of the call but the page itself.
    pub(super) fn listing(&self) -> String {
        let mut params: Vec<_> = self.params.iter().collect();
        let page = [
            "pageToken",
            "maxResults",
            "key",
            "fields",
            "part",
            "prettyPrint",
            "textFormat",
        ];
        params.retain(|(name, _)| !page.contains(&name.as_str()));
        params.sort();
        format!("{:?} {params:?}", self.endpoint)
    }
}
