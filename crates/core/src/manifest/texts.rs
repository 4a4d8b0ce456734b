//! What the ids of a manifest mean.

use super::{Id, Text};

/// Texts by id, in ascending order of the ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(Vec<(Id, Text)>);

impl Texts {
    /// The text of an id.
    pub fn get(&self, id: &str) -> Option<&Text> {
        let at = self.0.binary_search_by(|(earlier, _)| earlier.as_str().cmp(id)).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ids and texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, &Text)> {
        self.0.iter().map(|(id, text)| (id, text))
    }

    /// Gives an id its text, in the place of the one that it may have.
    pub fn insert(&mut self, id: Id, text: Text) {
        match self.0.binary_search_by(|(earlier, _)| earlier.cmp(&id)) {
            Ok(at) => self.0[at].1 = text,
            Err(at) => self.0.insert(at, (id, text)),
        }
    }
}

impl FromIterator<(Id, Text)> for Texts {
    fn from_iter<I: IntoIterator<Item = (Id, Text)>>(all: I) -> Self {
        let mut texts = Self::default();
        all.into_iter().for_each(|(id, text)| texts.insert(id, text));
        texts
    }
}

impl<const N: usize> From<[(Id, Text); N]> for Texts {
    fn from(all: [(Id, Text); N]) -> Self {
        all.into_iter().collect()
    }
}

impl serde::Serialize for Texts {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}
