//! How much of a list may go without a word.

/// More than one in so many is more than lists lose by corrections: it is the mark of a wrong file, or of one that was cut short.
const ONE_IN: u64 = 4;

/// Whether so many lost, of so many that there were, are to be asked about.
pub(crate) fn is_large(lost: u64, of: u64) -> bool {
    lost > of / ONE_IN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_may_go() {
        assert!(!is_large(0, 0) && !is_large(25, 100) && is_large(26, 100) && is_large(1, 3));
        assert!(is_large(u64::MAX, u64::MAX));
    }
}
