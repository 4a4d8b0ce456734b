//! Writes lists as publishers hold them, of people who do not exist: for trying, testing and measuring.
//!
//! The districts are real, the ages plausible, serial numbers and birthdays cluster as in real lists, families share
//! address and district. **No NIK in a sample is anybody's**: its serial number is 9001 or more, and serial numbers count
//! the people of one sex who were registered in one district with one birth date, of whom there are some hundreds at the
//! most. Names and addresses are put together by lot. The same rows, seed and version give the same bytes on any machine.

mod bad;
mod names;
mod people;
mod places;

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::io::{self, BufWriter, Write};

use ceknik_core::Nik;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use time::{Date, Month};

use bad::Cells;
use people::{OUTSIDERS, People, Person, SERIALS};

pub use bad::{BadRow, OddForm};

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    /// Rows under the header, bad ones included.
    pub rows: u64,
    /// Chooses the list.
    pub seed: u64,
    /// Mix in what real spreadsheets contain: rows that must be refused, each kind of [`BadRow`] at least once if there
    /// are four rows a kind, and good rows in every [`OddForm`]. Otherwise every NIK is 16 plain digits and every row good.
    pub bad_rows: bool,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleStats {
    /// Rows that are to be read.
    pub good_rows: u64,
    /// People in them.
    pub people: u64,
    /// Different pairs of a person and a candidate in them.
    pub supports: u64,
    /// Rows of these in an odd form.
    pub odd_rows: u64,
    /// Rows that are to be refused, by kind, in the order of [`BadRow::ALL`]; kinds that do not occur are left out.
    pub bad_rows: Vec<(BadRow, u64)>,
}

/// An id that a sample's dataset needs, and what explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleTerm {
    /// The id.
    pub id: &'static str,
    /// Title in Indonesian, which the list uses for candidates.
    pub indonesian: &'static str,
    /// Title in English.
    pub english: &'static str,
}

/// Payload bytes that a sample's dataset needs: a person may support all candidates, which is 191 bytes of JSON.
pub const SAMPLE_PAYLOAD_BYTES: u32 = 192;

/// The candidates of every sample.
pub const SAMPLE_CANDIDATES: [SampleTerm; 3] = [
    SampleTerm { id: "ml", indonesian: "Pasangan Melati", english: "Jasmine pair" },
    SampleTerm { id: "kn", indonesian: "Pasangan Kenanga", english: "Ylang-ylang pair" },
    SampleTerm { id: "cm", indonesian: "Pasangan Cempaka", english: "Magnolia pair" },
];

/// The statuses of every sample. The list writes the ids, in capitals.
pub const SAMPLE_STATUSES: [SampleTerm; 3] = [
    SampleTerm { id: "ms", indonesian: "Memenuhi syarat", english: "Eligible" },
    SampleTerm { id: "tms", indonesian: "Tidak memenuhi syarat", english: "Not eligible" },
    SampleTerm { id: "bms", indonesian: "Belum memenuhi syarat", english: "Not yet eligible" },
];

const HEADER: [&str; 16] = [
    "No",
    "NIK",
    "Nama",
    "Jenis Kelamin",
    "Tempat Lahir",
    "Tanggal Lahir",
    "Status Perkawinan",
    "Pekerjaan",
    "Alamat",
    "RT",
    "RW",
    "Kelurahan/Desa",
    "Kecamatan",
    "Pasangan Calon",
    "Status",
    "Tanggal Penyerahan",
];

/// Of so many rows, one is bad.
const ROWS_PER_BAD_ROW: u64 = 50;
/// Of so many good rows among bad ones, one has an odd form.
const ROWS_PER_ODD_FORM: u64 = 20;

/// First days of the three rounds of submission.
const ROUNDS: [(Month, u8); 3] = [(Month::May, 8), (Month::June, 3), (Month::August, 7)];
/// Days of a round.
const ROUND_DAYS: i64 = 5;

/// Writes a list: CSV with commas, UTF-8, a header and [`SampleOptions::rows`] rows.
///
/// # Errors
/// Those of `out`.
pub fn write_sample(options: &SampleOptions, out: impl Write) -> io::Result<SampleStats> {
    let mut out = BufWriter::new(out);
    out.write_all(line(HEADER).as_bytes())?;
    let mut supports = Supports::new(options);
    let mut oddities = Oddities::new(options);
    let mut stats = SampleStats::default();
    let mut counts = [0; BadRow::ALL.len()];
    let (mut people, mut pairs) = (HashSet::new(), HashSet::new());
    for row in 0..options.rows {
        if let Some(kind) = oddities.bad_row(options.rows - row) {
            counts[kind as usize] += 1;
            out.write_all(kind.line(oddities.cells(row)).as_bytes())?;
            continue;
        }
        let support = supports.next(row);
        let mut cells = support.cells(row);
        stats.good_rows += 1;
        if let Some(form) = oddities.odd_form() {
            stats.odd_rows += 1;
            form.apply(&mut cells, &SAMPLE_CANDIDATES[support.candidate], support.submitted);
        }
        let nik = if cells.nik == bad::PLACEHOLDER { cells.nik.clone() } else { support.person.nik.clone() };
        pairs.insert((nik.clone(), support.candidate));
        people.insert(nik);
        out.write_all(line(cells.in_order()).as_bytes())?;
    }
    out.flush()?;
    stats.people = people.len() as u64;
    stats.supports = pairs.len() as u64;
    stats.bad_rows = BadRow::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect();
    Ok(stats)
}

/// NIKs like those of a sample, all different, of nobody, and in no good row of any sample: their serial numbers are 9501
/// to 9999, the samples' go to 9499.
pub fn sample_outsiders(seed: u64) -> impl Iterator<Item = Nik> {
    let mut people = People::new(stream(seed, Stream::Outsiders), OUTSIDERS);
    let families = std::iter::from_fn(move || Some(people.family()));
    families.flatten().filter_map(|person| Nik::parse(&person.nik).ok())
}

/// Independent sequences of one seed, so that bad rows leave the good ones as they are.
#[derive(Clone, Copy)]
enum Stream {
    People,
    Supports,
    Oddities,
    Outsiders,
}

fn stream(seed: u64, stream: Stream) -> ChaCha20Rng {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    rng.set_stream(stream as u64);
    rng
}

/// One of several, by a draw that is the same whatever the width of a pointer.
fn pick<T: Copy>(rng: &mut ChaCha20Rng, from: &[T]) -> T {
    from[rng.gen_range(0..from.len() as u32) as usize]
}

/// Index of a weight, drawn in proportion to it.
fn weighted(rng: &mut ChaCha20Rng, weights: &[u32]) -> usize {
    let mut draw = rng.gen_range(0..weights.iter().sum());
    for (index, weight) in weights.iter().enumerate() {
        if draw < *weight {
            return index;
        }
        draw -= weight;
    }
    0
}

fn percent(rng: &mut ChaCha20Rng, percent: u32) -> bool {
    rng.gen_range(0..100u32) < percent
}

/// One row's content.
#[derive(Clone)]
struct Support {
    person: Person,
    candidate: usize,
    status: usize,
    submitted: Date,
}

impl Support {
    fn cells(&self, row: u64) -> Cells {
        Cells {
            number: (row + 1).to_string(),
            nik: self.person.nik.clone(),
            person: self.person.columns.clone(),
            candidate: SAMPLE_CANDIDATES[self.candidate].indonesian.to_owned(),
            status: SAMPLE_STATUSES[self.status].id.to_uppercase(),
            submitted: bad::day_month_year(self.submitted),
        }
    }
}

/// The good rows, in order.
struct Supports {
    rng: ChaCha20Rng,
    people: People,
    family: VecDeque<Person>,
    favourite: usize,
    /// What will come again, and after which row: the same person for another candidate, or in a later round.
    again: VecDeque<(u64, Support)>,
    rows: u64,
}

impl Supports {
    fn new(options: &SampleOptions) -> Self {
        Self {
            rng: stream(options.seed, Stream::Supports),
            people: People::new(stream(options.seed, Stream::People), SERIALS),
            family: VecDeque::new(),
            favourite: 0,
            again: VecDeque::new(),
            rows: options.rows,
        }
    }

    fn next(&mut self, row: u64) -> Support {
        let submitted = self.day(row);
        if percent(&mut self.rng, 10)
            && self.again.front().is_some_and(|(after, _)| *after < row)
            && let Some((_, mut support)) = self.again.pop_front()
        {
            support.submitted = submitted;
            support.status = self.status();
            return support;
        }
        let person = self.person();
        let candidate = if percent(&mut self.rng, 90) { self.favourite } else { self.candidate() };
        let support = Support { person, candidate, status: self.status(), submitted };
        // Repeated in a later round, or found under another candidate too.
        let later = row + self.rows / 4;
        match self.rng.gen_range(0..100u32) {
            0..3 => self.again.push_back((later, support.clone())),
            3..6 => {
                let candidate = self.candidate();
                self.again.push_back((later, Support { candidate, ..support.clone() }));
            }
            _ => {}
        }
        support
    }

    fn person(&mut self) -> Person {
        loop {
            if let Some(person) = self.family.pop_front() {
                return person;
            }
            self.favourite = self.candidate();
            self.family = self.people.family();
        }
    }

    fn candidate(&mut self) -> usize {
        weighted(&mut self.rng, &[60, 25, 15])
    }

    fn status(&mut self) -> usize {
        weighted(&mut self.rng, &[62, 30, 8])
    }

    /// A day of the round to which the row belongs.
    fn day(&mut self, row: u64) -> Date {
        let round = usize::try_from(row * ROUNDS.len() as u64 / self.rows.max(1)).unwrap_or(0).min(ROUNDS.len() - 1);
        let (month, day) = ROUNDS[round];
        let first = Date::from_calendar_date(2024, month, day).unwrap_or(Date::MIN);
        first + time::Duration::days(self.rng.gen_range(0..ROUND_DAYS))
    }
}

/// Which rows are bad, and which have an odd form.
struct Oddities {
    rng: ChaCha20Rng,
    outsiders: People,
    bad_left: u64,
    next_kind: usize,
    next_form: usize,
    odd_forms: bool,
}

impl Oddities {
    fn new(options: &SampleOptions) -> Self {
        let kinds = BadRow::ALL.len() as u64;
        let bad_left = match options.bad_rows {
            false => 0,
            true => (options.rows / ROWS_PER_BAD_ROW).max(kinds).min(options.rows / 4),
        };
        Self {
            rng: stream(options.seed, Stream::Oddities),
            outsiders: People::new(stream(options.seed, Stream::Outsiders), OUTSIDERS),
            bad_left,
            next_kind: 0,
            next_form: 0,
            odd_forms: options.bad_rows,
        }
    }

    /// Draws the bad rows that are left from the rows that are left.
    fn bad_row(&mut self, rows_left: u64) -> Option<BadRow> {
        if self.bad_left == 0 || self.rng.gen_range(0..rows_left) >= self.bad_left {
            return None;
        }
        self.bad_left -= 1;
        self.next_kind += 1;
        // All kinds in turn first. One row that is too long is enough.
        Some(BadRow::ALL.get(self.next_kind - 1).copied().unwrap_or_else(|| {
            let kind = pick(&mut self.rng, &BadRow::ALL);
            if kind == BadRow::TooLong { BadRow::NikEmpty } else { kind }
        }))
    }

    /// Cells of a good row, of somebody who is in no good row.
    fn cells(&mut self, row: u64) -> Cells {
        let person = loop {
            if let Some(person) = self.outsiders.family().pop_front() {
                break person;
            }
        };
        let submitted = Date::from_calendar_date(2024, Month::August, 7).unwrap_or(Date::MIN);
        Support { person, candidate: 0, status: 0, submitted }.cells(row)
    }

    fn odd_form(&mut self) -> Option<OddForm> {
        if !self.odd_forms || self.rng.gen_range(0..ROWS_PER_ODD_FORM) > 0 {
            return None;
        }
        self.next_form += 1;
        OddForm::ALL.get((self.next_form - 1) % OddForm::ALL.len()).copied()
    }
}

/// A line of cells, in quotes where they need them.
fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().map(quoted).collect();
    cells.join(",") + "\n"
}

fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests;
