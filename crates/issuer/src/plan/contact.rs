//! What somebody learns who sees only *that* a device contacts the service.

use serde::Serialize;

use super::rates::HitRates;

/// Cover rates of the table, in percent.
pub const COVER_PERCENTS: [u8; 7] = [0, 5, 10, 20, 30, 50, 100];
/// The family of the table, all of whose NIKs are checked on one device.
const FAMILY: i32 = 4;

/// Contacts at one cover rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ContactFigures {
    /// The cover rate, in percent.
    pub cover_percent: u8,
    /// A person who checks one NIK.
    pub single: Contact,
    /// A family of four, each listed independently of the others.
    pub family: FamilyContact,
    /// A family of four of whom all are listed or none is.
    pub family_together: FamilyContact,
}

/// One NIK on one device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contact {
    /// Share of visitors who contact the service.
    pub contact: f64,
    /// P(listed given contact).
    pub listed_given_contact: f64,
}

/// Four NIKs on one device, evaluated in one request of 1 or 4 elements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FamilyContact {
    /// Share of families that contact the service at all: at least one NIK hits, or its coin fell on cover.
    pub contact: f64,
    /// Share of families whose request has four elements: at least two do.
    pub four_elements: f64,
    /// P(a given one of the four is listed, given contact).
    pub listed_given_contact: f64,
    /// P(a given one of the four is listed, given a request of four elements).
    pub listed_given_four: f64,
    /// P(at least one of the four is listed, given contact).
    pub anyone_given_contact: f64,
    /// Elements that a family has evaluated, on average: none, one, or four with the random ones that fill up.
    pub elements: f64,
}

/// The figures at a cover rate r.
///
/// A listed NIK always confirms; an unlisted one does when it hits or when its coin falls on cover, with probability
/// `u = f + (1 - f) r`. So for one NIK `P(contact) = k = b + (1 - b) u` and `P(listed | contact) = b/k`.
///
/// Of n NIKs, each confirming with probability p, at least one does with `1 - (1-p)^n` and at least two with that less
/// `n p (1-p)^(n-1)`. In an independent family p = k for each, and a listed member makes three others' contact enough for
/// a second: `P(listed, ≥ 2) = b (1 - (1-k)³)`. In one that is listed together, with probability b all four confirm, and
/// otherwise each with p = u.
///
/// This is for who sees addresses and sizes. The coin is sticky, so that to see the same device again adds nothing; a
/// *first* contact in a later epoch adds what [`super::AdditionFigures`] says.
pub fn contact_figures(rates: &HitRates, cover_percent: u8) -> ContactFigures {
    let cover = f64::from(cover_percent) / 100.0;
    let (base, contact) = (rates.base_rate, rates.contact(cover));
    let unlisted = rates.set_share + (1.0 - rates.set_share) * cover;

    let (any, two) = (at_least_one(contact, FAMILY), at_least_two(contact, FAMILY));
    let family = FamilyContact {
        contact: any,
        four_elements: two,
        listed_given_contact: base / any,
        listed_given_four: base * at_least_one(contact, FAMILY - 1) / two,
        anyone_given_contact: at_least_one(base, FAMILY) / any,
        elements: any + 3.0 * two,
    };

    let (any, two) = (at_least_one(unlisted, FAMILY), at_least_two(unlisted, FAMILY));
    let (any, two) = (base + (1.0 - base) * any, base + (1.0 - base) * two);
    let family_together = FamilyContact {
        contact: any,
        four_elements: two,
        listed_given_contact: base / any,
        listed_given_four: base / two,
        anyone_given_contact: base / any,
        elements: any + 3.0 * two,
    };
    let single = Contact { contact, listed_given_contact: base / contact };
    ContactFigures { cover_percent, single, family, family_together }
}

fn at_least_one(p: f64, people: i32) -> f64 {
    1.0 - (1.0 - p).powi(people)
}

fn at_least_two(p: f64, people: i32) -> f64 {
    at_least_one(p, people) - f64::from(people) * p * (1.0 - p).powi(people - 1)
}
