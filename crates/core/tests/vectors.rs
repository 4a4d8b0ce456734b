//! Core against the committed vectors, read as a stranger reads them: nothing here is generated.
//!
//! `tests/vectors/check` does the same with other libraries, from the specification alone.

#![allow(clippy::unwrap_used)]

mod vectors {
    pub(crate) mod read;

    mod bucket;
    mod conventions;
    mod districts;
    mod evaluation;
    mod evidence;
    mod filter;
    mod log;
    mod manifest;
    mod phrase;
    mod promise;
    mod record;
    mod stretch;
    mod walk;
}
