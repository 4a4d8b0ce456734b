//! The ids that a dataset has for candidates and statuses, and the words that mean them in a list.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

/// Ids, each with the words that mean it: the id itself, and titles. Words are compared trimmed, without case, inner
/// white space as one space.
///
/// ```
/// use ceknik_issuer::Terms;
///
/// let statuses = Terms::new([("ms", ["Memenuhi syarat", "Eligible"]), ("tms", ["Tidak memenuhi syarat", "Not eligible"])])?;
/// assert_eq!(statuses.id(" MEMENUHI  syarat").as_deref(), Some("ms"));
/// assert_eq!(statuses.id("TMS").as_deref(), Some("tms"));
/// assert_eq!(statuses.id("memenuhi"), None);
/// # Ok::<(), ceknik_issuer::TermsError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Terms {
    ids: Vec<Arc<str>>,
    by_word: HashMap<String, Arc<str>>,
}

/// Why words do not tell ids apart.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TermsError {
    /// One word means two ids.
    #[error("`{word}` means both {one} and {other}: change one title")]
    Ambiguous {
        /// The word, as it is compared.
        word: String,
        /// An id.
        one: String,
        /// Another id.
        other: String,
    },
}

impl Terms {
    /// Takes pairs of an id and its titles.
    ///
    /// # Errors
    /// [`TermsError::Ambiguous`].
    pub fn new<Id, Titles, Title>(terms: impl IntoIterator<Item = (Id, Titles)>) -> Result<Self, TermsError>
    where
        Id: AsRef<str>,
        Titles: IntoIterator<Item = Title>,
        Title: AsRef<str>,
    {
        let mut made = Self::default();
        for (id, titles) in terms {
            let id: Arc<str> = id.as_ref().into();
            made.ids.push(id.clone());
            let titles = titles.into_iter().map(|title| compared(title.as_ref()));
            for word in std::iter::once(compared(&id)).chain(titles).filter(|word| !word.is_empty()) {
                match made.by_word.get(&word) {
                    Some(other) if *other != id => {
                        return Err(TermsError::Ambiguous { word, one: other.to_string(), other: id.to_string() });
                    }
                    _ => made.by_word.insert(word, id.clone()),
                };
            }
        }
        Ok(made)
    }

    /// The id that a word means.
    pub fn id(&self, word: &str) -> Option<Arc<str>> {
        self.by_word.get(&compared(word)).cloned()
    }

    /// All ids, in the order given.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(|id| &**id)
    }
}

fn compared(word: &str) -> String {
    word.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_one_id() {
        let error = Terms::new([("a", ["Melati"]), ("b", [" MELATI "])]).unwrap_err();
        assert_eq!(error.to_string(), "`melati` means both a and b: change one title");
        assert!(Terms::new([("a", ["b"]), ("b", ["x"])]).is_err());
        // The same title in two languages is no contradiction.
        assert!(Terms::new([("a", ["Melati", "melati"])]).is_ok());
    }

    #[test]
    fn nothing_is_no_word() {
        let terms = Terms::new([("a", [""])]).unwrap();
        assert_eq!(terms.id(""), None);
        assert_eq!(terms.ids().collect::<Vec<_>>(), ["a"]);
    }
}
