//! Tiles and entry bundles: the files that a log consists of (C2SP tlog-tiles).

use super::{MAX_LEAF_BYTES, MAX_TREE_SIZE};

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_HASHES: u16 = 256;

/// Levels of tiles that a tree of [`MAX_TREE_SIZE`] has at most.
const LEVELS: u8 = 8;

/// Coordinates of a hash tile: hashes `256 * index` to `256 * index + width - 1` of tree level `8 * level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// Coordinates of an entry bundle: the leaves from `256 * index` on, `width` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    index: u64,
    width: u16,
}

impl TileId {
    /// The tile with this level and index in a tree of `size` leaves: full, or as wide as the tree makes it. `None`
    /// where the tree has no such tile.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        if level >= LEVELS || size > MAX_TREE_SIZE {
            return None;
        }
        let width = width_at(size >> (8 * u32::from(level)), index)?;
        Some(Self { level, index, width })
    }

    /// The level: 0 holds the hashes of leaves, each further one the hashes of the full tiles below.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The position within the level.
    pub fn index(self) -> u64 {
        self.index
    }

    /// The number of hashes, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether the tile is full. A full tile never changes.
    pub fn is_full(self) -> bool {
        self.width == TILE_HASHES
    }

    /// The length of its file, in bytes.
    pub fn bytes(self) -> usize {
        usize::from(self.width) * 32
    }

    /// Its path under the log's prefix: `tile/<L>/<N>[.p/<W>]`.
    pub fn path(self) -> String {
        format!("tile/{}/{}", self.level, position(self.index, self.width))
    }

    /// The path of the full tile that this one grows into. A log may remove a partial tile once this exists.
    pub fn full_path(self) -> String {
        Self { width: TILE_HASHES, ..self }.path()
    }

    /// Parses a path as [`TileId::path`] writes it, and no other spelling of it.
    pub fn from_path(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let (index, width) = parse_position(rest)?;
        let level = level.parse().ok().filter(|&level: &u8| level < LEVELS)?;
        let tile = Self { level, index, width };
        (tile.path() == path).then_some(tile)
    }
}

impl BundleId {
    /// The bundle with this index in a log of `size` entries; `None` where the log has no such bundle.
    pub fn in_tree(index: u64, size: u64) -> Option<Self> {
        if size > MAX_TREE_SIZE {
            return None;
        }
        Some(Self { index, width: width_at(size, index)? })
    }

    /// Its position.
    pub fn index(self) -> u64 {
        self.index
    }

    /// The number of entries, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether the bundle is full. A full bundle never changes.
    pub fn is_full(self) -> bool {
        self.width == TILE_HASHES
    }

    /// Its path under the log's prefix: `tile/entries/<N>[.p/<W>]`.
    pub fn path(self) -> String {
        format!("tile/entries/{}", position(self.index, self.width))
    }

    /// The path of the full bundle that this one grows into.
    pub fn full_path(self) -> String {
        Self { width: TILE_HASHES, ..self }.path()
    }

    /// Parses a path as [`BundleId::path`] writes it, and no other spelling of it.
    pub fn from_path(path: &str) -> Option<Self> {
        let (index, width) = parse_position(path.strip_prefix("tile/entries/")?)?;
        let bundle = Self { index, width };
        (bundle.path() == path).then_some(bundle)
    }
}

/// Width of the tile `index` on a level that holds `count` hashes.
fn width_at(count: u64, index: u64) -> Option<u16> {
    let before = index.checked_mul(u64::from(TILE_HASHES))?;
    let width = count.checked_sub(before)?.min(u64::from(TILE_HASHES));
    u16::try_from(width).ok().filter(|&width| width > 0)
}

/// `<N>[.p/<W>]`, with `N` in groups of three digits, an `x` before all but the last.
fn position(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_HASHES {
        path.push_str(&format!(".p/{width}"));
    }
    path
}

/// Reads what [`position`] writes, and some more: the caller compares with what it would write.
fn parse_position(text: &str) -> Option<(u64, u16)> {
    let (index, width) = match text.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|w| (1..TILE_HASHES).contains(w))?),
        None => (text, TILE_HASHES),
    };
    let mut number = 0u64;
    for group in index.split('/') {
        let group: u64 = group.trim_start_matches('x').parse().ok()?;
        number = number.checked_mul(1000)?.checked_add(group)?;
    }
    Some((number, width))
}

/// Why bytes are not the entry bundle that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It ends within an entry or its length.
    #[error("the entry bundle is cut short within entry {entry}")]
    CutShort {
        /// Position of the entry in the bundle, from 0.
        entry: usize,
    },
    /// It holds another number of entries.
    #[error("the entry bundle holds {got} entries instead of {want}")]
    Entries {
        /// How many it holds.
        got: usize,
        /// How many it should.
        want: u16,
    },
    /// An entry to be added does not fit.
    #[error("the entry has {bytes} bytes; a log takes at most {MAX_LEAF_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// Takes a bundle apart into its entries.
///
/// # Errors
/// [`BundleError`] when it does not consist of exactly the entries that its coordinates promise.
pub fn parse_bundle(id: BundleId, bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(usize::from(id.width));
    let mut rest = bundle;
    while !rest.is_empty() {
        let cut_short = BundleError::CutShort { entry: entries.len() };
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            return Err(cut_short);
        };
        let Some((entry, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            return Err(cut_short);
        };
        entries.push(entry);
        rest = after;
    }
    if entries.len() != usize::from(id.width) {
        return Err(BundleError::Entries { got: entries.len(), want: id.width });
    }
    Ok(entries)
}

/// Appends an entry to the bytes of a bundle.
///
/// # Errors
/// [`BundleError::TooLong`] for more than [`MAX_LEAF_BYTES`].
pub fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong { bytes: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_those_of_tlog_tiles() {
        // The index and the tree of size 70,000 are the examples of the specification.
        let full = TileId { level: 2, index: 1_234_067, width: 256 };
        assert_eq!(full.path(), "tile/2/x001/x234/067");
        let size = 70_000;
        let widths = |level: u8| {
            let mut index = 0;
            std::iter::from_fn(|| {
                index += 1;
                TileId::in_tree(level, index - 1, size)
            })
            .map(|tile| tile.width())
            .collect::<Vec<_>>()
        };
        let zero = widths(0);
        assert_eq!((zero.len(), zero[272], zero[273]), (274, 256, 112));
        assert_eq!(widths(1), [256, 17]);
        assert_eq!(widths(2), [1]);
        assert_eq!(widths(3), [0u16; 0]);
        assert_eq!(TileId::in_tree(0, 273, size).unwrap().path(), "tile/0/273.p/112");
        assert_eq!(TileId::in_tree(0, 273, size).unwrap().full_path(), "tile/0/273");
        assert_eq!(BundleId::in_tree(273, size).unwrap().path(), "tile/entries/273.p/112");
        assert_eq!(BundleId::in_tree(1000, 256_001).unwrap().path(), "tile/entries/x001/000.p/1");
        assert_eq!(TileId::in_tree(0, 0, 256).unwrap().path(), "tile/0/000");
        assert_eq!(TileId::in_tree(1, 0, 256).unwrap().path(), "tile/1/000.p/1");
        assert_eq!(TileId::in_tree(0, 0, 0), None);
        assert_eq!(TileId::in_tree(0, u64::MAX, u64::MAX), None);
        assert_eq!(TileId::in_tree(8, 0, MAX_TREE_SIZE), None);
        assert_eq!(TileId::in_tree(7, 0, MAX_TREE_SIZE).unwrap().width(), 64);
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/00/001",
            "tile/8/001",
            "tile/-1/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/05",
            "tile/0/001.p/+5",
            "tile/0/001.p/",
            "tile/0/001.p",
            "tile/0/xx01/001",
            "tile/0/../001",
            "tile/entries/001",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "/tile/0/001",
            "tile/0/001/",
            "tile/0/\u{661}\u{661}\u{661}",
        ] {
            assert_eq!(TileId::from_path(path), None, "{path}");
        }
        for path in ["tile/0/001", "tile/entries/1", "tile/entries/001.p/300", "tile/entries"] {
            assert_eq!(BundleId::from_path(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn paths_round_trip(level in 0u8..LEVELS, index: u64, width in 1u16..=256) {
            let tile = TileId { level, index, width };
            prop_assert_eq!(TileId::from_path(&tile.path()), Some(tile));
            let bundle = BundleId { index, width };
            prop_assert_eq!(BundleId::from_path(&bundle.path()), Some(bundle));
        }

        #[test]
        fn any_path_is_parsed_or_refused(path in "(tile|entries|x[0-9]{3}|[0-9]{1,4}|\\.p|/|\\PC){0,12}") {
            if let Some(tile) = TileId::from_path(&path) {
                prop_assert_eq!(tile.path(), path.clone());
            }
            if let Some(bundle) = BundleId::from_path(&path) {
                prop_assert_eq!(bundle.path(), path);
            }
        }

        #[test]
        fn bundles_round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..=256)) {
            let mut bundle = Vec::new();
            for entry in &entries {
                append_entry(&mut bundle, entry).unwrap();
            }
            let width = u16::try_from(entries.len()).unwrap();
            let id = BundleId { index: 9, width };
            prop_assert_eq!(parse_bundle(id, &bundle).unwrap(), entries.clone());
            let wider = BundleId { index: 9, width: width + 1 };
            prop_assert_eq!(parse_bundle(wider, &bundle), Err(BundleError::Entries { got: entries.len(), want: width + 1 }));
            bundle.pop();
            prop_assert_eq!(parse_bundle(id, &bundle), Err(BundleError::CutShort { entry: entries.len() - 1 }));
        }
    }

    #[test]
    fn entries_over_the_limit_are_refused() {
        let mut bundle = Vec::new();
        append_entry(&mut bundle, &vec![7; MAX_LEAF_BYTES]).unwrap();
        assert_eq!(bundle.len(), MAX_LEAF_BYTES + 2);
        let error = append_entry(&mut bundle, &vec![7; MAX_LEAF_BYTES + 1]).unwrap_err();
        assert_eq!(error, BundleError::TooLong { bytes: MAX_LEAF_BYTES + 1 });
        assert_eq!(bundle.len(), MAX_LEAF_BYTES + 2);
    }
}
