//! People and their families.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;

use ceknik_core::District;
use rand::Rng;
use rand_chacha::ChaCha20Rng;
use time::{Date, Duration, Month};

use super::bad::day_month_year;
use super::names::{LAST, MEN, OCCUPATIONS, STREETS, WOMEN};
use super::places::{JAKARTA, birthplace};
use super::{percent, pick, weighted};

/// Columns of a person besides the NIK.
pub(super) const PERSON_COLUMNS: usize = 11;

/// The serial numbers that a sample gives.
pub(super) const SERIALS: RangeInclusive<u16> = 9_001..=9_499;
/// Those of people who are in no good row of a sample.
pub(super) const OUTSIDERS: RangeInclusive<u16> = 9_501..=9_999;

/// The day on which everybody is 17 or older.
const VOTING_DAY: (i32, Month, u8) = (2024, Month::November, 27);
/// Least age of a voter, in years.
const VOTING_AGE: u32 = 17;
/// Ages of the heads of families: from, to, weight.
const HEADS: [(u32, u32, u32); 5] = [(22, 34, 24), (35, 44, 26), (45, 54, 24), (55, 64, 17), (65, 84, 9)];
/// People on a list per family, by weight: one, two, and so on.
const FAMILY_SIZES: [u32; 6] = [36, 29, 17, 11, 5, 2];
/// Those born before this year may have a birthday that a registrar filled in.
const BIRTHDAYS_KNOWN_FROM: i32 = 1985;

/// Somebody who does not exist.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// 16 digits.
    pub(super) nik: String,
    /// Name, sex, birthplace, birth date, marital status, occupation, address, RT, RW, village, district.
    pub(super) columns: [String; PERSON_COLUMNS],
}

/// Makes people, no two with one NIK.
pub(super) struct People {
    rng: ChaCha20Rng,
    range: RangeInclusive<u16>,
    /// The last serial number given, by the digits before it.
    serials: HashMap<u64, u16>,
    elsewhere: Vec<District>,
}

/// What the members of a family share.
struct Home {
    district: usize,
    last_name: &'static str,
    address: [String; 5],
}

impl People {
    /// `range` is that of their serial numbers.
    pub(super) fn new(rng: ChaCha20Rng, range: RangeInclusive<u16>) -> Self {
        Self { rng, range, serials: HashMap::new(), elsewhere: District::current().collect() }
    }

    /// The members of a family who are on the list. Empty only when a serial number ran out.
    pub(super) fn family(&mut self) -> VecDeque<Person> {
        let home = self.home();
        let size = 1 + weighted(&mut self.rng, &FAMILY_SIZES);
        let (from, to, _) = HEADS[weighted(&mut self.rng, &HEADS.map(|(_, _, weight)| weight))];
        let head = self.rng.gen_range(from..=to);
        let woman = percent(&mut self.rng, if size == 1 { 50 } else { 20 });
        let mut family = VecDeque::new();
        for member in 0..size {
            let (age, woman, child) = match member {
                0 => (head, woman, false),
                1 if percent(&mut self.rng, 85) => {
                    let age = (head + self.rng.gen_range(0..=8u32)).saturating_sub(5).max(20);
                    (age, !woman, false)
                }
                // Too young a family for a grown child: somebody's parent.
                _ if head < VOTING_AGE + 20 => {
                    ((head + self.rng.gen_range(20..=35u32)).min(88), percent(&mut self.rng, 60), false)
                }
                _ => (self.rng.gen_range(VOTING_AGE..=head - 19), percent(&mut self.rng, 50), true),
            };
            family.extend(self.person(&home, age, woman, child));
        }
        family
    }

    fn person(&mut self, home: &Home, age: u32, woman: bool, child: bool) -> Option<Person> {
        let district = self.registered_in(home.district, child);
        let born = self.birth_date(age);
        let before = before_serial(district, born, woman);
        let nik = format!("{before}{}", self.serial(&before, born)?);
        let rng = &mut self.rng;
        let first = pick(rng, if woman { &WOMEN } else { &MEN });
        let middle = pick(rng, if woman { &WOMEN } else { &MEN });
        let name = if percent(rng, 40) && middle != first { format!("{first} {middle}") } else { first.to_owned() };
        let marital = match (child, age) {
            (true, _) | (_, ..=21) => "Belum Kawin",
            (false, 60..) if percent(rng, 30) => "Cerai Mati",
            _ => "Kawin",
        };
        let occupation = match age {
            ..=21 => "Pelajar/Mahasiswa",
            61.. => "Pensiunan",
            _ if woman => pick(rng, &OCCUPATIONS),
            _ => pick(rng, &OCCUPATIONS[1..]),
        };
        let [address, rt, rw, village, district_name] = home.address.clone();
        let columns = [
            format!("{name} {}", home.last_name),
            if woman { "Perempuan" } else { "Laki-laki" }.to_owned(),
            birthplace(district).to_owned(),
            day_month_year(born),
            marital.to_owned(),
            occupation.to_owned(),
            address,
            rt,
            rw,
            village,
            district_name,
        ];
        Some(Person { nik, columns })
    }

    fn home(&mut self) -> Home {
        let rng = &mut self.rng;
        // The islands have few people.
        let district =
            if percent(rng, 1) { rng.gen_range(0..2u32) } else { rng.gen_range(2..JAKARTA.len() as u32) } as usize;
        let place = &JAKARTA[district];
        let street = pick(rng, &STREETS);
        let address = match rng.gen_range(0..10u32) {
            0 => format!("Rusun {}, Blok {} Lt. {}", place.name, pick(rng, &["A", "B", "C"]), rng.gen_range(1..=16u32)),
            1..4 => format!("{street} {} No. {}", pick(rng, &["I", "II", "III", "IV", "V"]), rng.gen_range(1..=99u32)),
            _ => format!("{street} No. {}", rng.gen_range(1..=180u32)),
        };
        let address = [
            address,
            format!("{:03}", rng.gen_range(1..=18u32)),
            format!("{:03}", rng.gen_range(1..=12u32)),
            pick(rng, &place.villages).to_owned(),
            place.name.to_owned(),
        ];
        Home { district, last_name: pick(rng, &LAST), address }
    }

    /// District of first registration: children where the family lives, others there, elsewhere in Jakarta, in the
    /// provinces of Java, or anywhere.
    fn registered_in(&mut self, home: usize, child: bool) -> u32 {
        let weights = if child { [92, 5, 2, 1] } else { [56, 18, 17, 9] };
        match weighted(&mut self.rng, &weights) {
            0 => JAKARTA[home].code,
            1 => pick(&mut self.rng, &JAKARTA[2..]).code,
            2 => loop {
                let code = pick(&mut self.rng, &self.elsewhere).expose_code();
                if (32..=36).contains(&(code / 10_000)) {
                    break code;
                }
            },
            _ => pick(&mut self.rng, &self.elsewhere).expose_code(),
        }
    }

    /// Of somebody of that age on voting day.
    fn birth_date(&mut self, age: u32) -> Date {
        let (year, month, day) = VOTING_DAY;
        let year = year - age as i32;
        let birthday = Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN);
        let born = birthday - Duration::days(self.rng.gen_range(0..365));
        if born.year() >= BIRTHDAYS_KNOWN_FROM || !percent(&mut self.rng, 5) {
            return born;
        }
        let (month, day) = match weighted(&mut self.rng, &[40, 40, 20]) {
            0 => (Month::December, 31),
            1 => (Month::July, 1),
            _ => (born.month(), 15),
        };
        Date::from_calendar_date(born.year(), month, day).unwrap_or(born)
    }

    /// The next serial number for these twelve digits: most often the one after the last, further on where a registrar
    /// filled in birthdays. `None` when they run out.
    fn serial(&mut self, before: &str, born: Date) -> Option<u16> {
        let key = before.parse().unwrap_or(0);
        let filled_in = matches!((born.month(), born.day()), (Month::December, 31) | (Month::July, 1));
        let step = match self.rng.gen_range(0..10u32) {
            _ if filled_in => self.rng.gen_range(1..=24),
            0..6 => 1,
            _ => self.rng.gen_range(2..=5),
        };
        let serial = self.serials.get(&key).map_or(self.range.start() - 1, |last| *last) + step;
        if !self.range.contains(&serial) {
            return None;
        }
        self.serials.insert(key, serial);
        Some(serial)
    }
}

/// The first twelve digits of a NIK.
fn before_serial(district: u32, born: Date, woman: bool) -> String {
    let day = born.day() + if woman { 40 } else { 0 };
    format!("{district:06}{day:02}{:02}{:02}", u8::from(born.month()), born.year() % 100)
}
