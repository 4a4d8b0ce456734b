//! Errors in a box: they are large, and are handed on at each of some hundred checks.

use super::ManifestError;
use crate::bucket::BucketError;
use crate::deniability::PromiseError;
use crate::filter::FilterError;
use crate::json::JsonError;
use crate::stretch::StretchError;

/// What a check gives.
pub(super) type Checked<T> = Result<T, Box<ManifestError>>;

/// The error of a field, by its name with the names around it.
#[cold]
pub(super) fn field(field: &'static str, reason: &str) -> Box<ManifestError> {
    Box::new(ManifestError::Field { field, reason: reason.to_owned() })
}

impl From<JsonError> for Box<ManifestError> {
    #[cold]
    fn from(error: JsonError) -> Self {
        let place = error.place();
        Self::new(ManifestError::Json { line: place.line, column: place.column, reason: error.reason().to_owned() })
    }
}

macro_rules! boxed {
    ($($error:ty),*) => {$(
        impl From<$error> for Box<ManifestError> {
            #[cold]
            fn from(error: $error) -> Self {
                Self::new(error.into())
            }
        }
    )*};
}

boxed!(BucketError, FilterError, PromiseError, StretchError);
