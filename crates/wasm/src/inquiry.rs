//! What to look up, and what was remembered, gathered piece by piece.

use ceknik_client::{Cached, Confirm, SeenList, Settings};
use ceknik_core::json::{Json, JsonError};
use ceknik_core::log::Policy;
use ceknik_core::manifest::Id;
use ceknik_core::time::Timestamp;
use ceknik_core::{CoverSecret, Nik};
use rand_core::CryptoRngCore;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::error::Refusal;
use crate::lookup::Lookup;
use crate::random::BrowserRandom;

/// Reads the settings as JavaScript writes them. A name that is none is refused: a setting for privacy that is misspelt must
/// not be one that is not there. What is null is not set.
fn settings(json: &str) -> Result<Settings, JsonError> {
    let json = Json::parse(json.as_bytes())?;
    let mut form = json.object()?;
    let mut set = |name| form.optional(name).and_then(Json::nullable);
    let mut settings = Settings::default();
    if let Some(accept) = set("acceptWeak") {
        settings.accept_weak = accept.truth()?;
    }
    if let Some(offline) = set("offline") {
        settings.offline = offline.truth()?;
    }
    if let Some(confirm) = set("confirm") {
        settings.confirm = match confirm.text()? {
            "never" => Confirm::Never,
            "as_needed" => Confirm::AsNeeded,
            "everyone" => Confirm::Everyone,
            _ => return Err(confirm.unexpected("`never`, `as_needed` or `everyone`")),
        };
    }
    if let Some(alone) = set("alone") {
        settings.alone = alone.truth()?;
    }
    if let Some(evidence) = set("evidence") {
        settings.evidence = evidence.truth()?;
    }
    if let Some(seconds) = set("patienceSeconds") {
        settings.patience_seconds = seconds.whole32()?;
    }
    if let Some(people) = set("leastPeople") {
        settings.least_people = people.whole(u64::MAX)?;
    }
    form.end()?;
    Ok(settings)
}

/// A lookup that has not begun.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Inquiry {
    inquiry: ceknik_client::Inquiry,
    cached: Cached,
}

#[wasm_bindgen]
impl Inquiry {
    /// For a dataset by its id, with settings as JSON.
    ///
    /// # Errors
    /// [`Refusal`] when the id is none, or the settings are not of the form.
    #[wasm_bindgen(constructor)]
    pub fn new(dataset: &str, settings: &str) -> Result<Self, Refusal> {
        let dataset = Id::new(dataset).map_err(|error| Refusal::because("dataset", &error))?;
        let settings = self::settings(settings).map_err(|error| Refusal::because("settings", &error))?;
        let inquiry = ceknik_client::Inquiry { dataset, niks: Vec::new(), policy: None, settings };
        Ok(Self { inquiry, cached: Cached::default() })
    }

    /// Adds a NIK, as it was typed.
    ///
    /// # Errors
    /// [`Refusal`] when it is none.
    #[wasm_bindgen(js_name = addNik)]
    pub fn add_nik(&mut self, text: String) -> Result<(), Refusal> {
        let text = Zeroizing::new(text);
        let nik = Nik::parse(&text).map_err(|error| Refusal::because("NIK", &error))?;
        self.inquiry.niks.push(nik);
        Ok(())
    }

    /// Whom to trust (C2SP tlog-policy).
    ///
    /// # Errors
    /// [`Refusal`] when it is no policy.
    #[wasm_bindgen(js_name = trust)]
    pub fn trust(&mut self, policy: &[u8]) -> Result<(), Refusal> {
        self.inquiry.policy = Some(Policy::parse(policy).map_err(|error| Refusal::because("policy", &error))?);
        Ok(())
    }

    /// The policy that was pinned for the service.
    #[wasm_bindgen(js_name = rememberPolicy)]
    pub fn remember_policy(&mut self, policy: Vec<u8>) {
        self.cached.policy = Some(policy);
    }

    /// That a policy was pinned, and cannot be read.
    #[wasm_bindgen(js_name = rememberDamagedPolicy)]
    pub fn remember_damaged_policy(&mut self) {
        self.cached.policy_damaged = true;
    }

    /// The list of this dataset that was seen last, of one log.
    #[wasm_bindgen(js_name = rememberList)]
    pub fn remember_list(&mut self, manifest: Vec<u8>, proof: Vec<u8>) {
        self.cached.seen.lists.push(SeenList { manifest, proof });
    }

    /// The largest checkpoint seen of one log.
    #[wasm_bindgen(js_name = rememberCheckpoint)]
    pub fn remember_checkpoint(&mut self, checkpoint: Vec<u8>) {
        self.cached.seen.checkpoints.push(checkpoint);
    }

    /// That something was remembered, and cannot be read.
    #[wasm_bindgen(js_name = rememberDamage)]
    pub fn remember_damage(&mut self) {
        self.cached.seen.damaged = true;
    }

    /// The device's secret for cover traffic; `passes` when it goes with the page.
    ///
    /// # Errors
    /// [`Refusal`] when it is not 32 bytes.
    #[wasm_bindgen(js_name = coverSecret)]
    pub fn cover_secret(&mut self, secret: Vec<u8>, passes: bool) -> Result<(), Refusal> {
        let secret = Zeroizing::new(secret);
        let bytes = secret.as_slice().try_into().map_err(|_| Refusal("the cover secret is not 32 bytes".to_owned()))?;
        self.cached.cover_secret = Some(CoverSecret::from_bytes(bytes));
        self.cached.cover_passes = passes;
        Ok(())
    }

    /// Begins, at a time in milliseconds since 1970.
    ///
    /// # Errors
    /// [`Refusal`] when the clock stands before 1970 or after 9999.
    pub fn begin(self, now: f64) -> Result<Lookup, Refusal> {
        self.begin_with(now, &mut BrowserRandom)
    }
}

impl Inquiry {
    pub(crate) fn begin_with(self, now: f64, rng: &mut impl CryptoRngCore) -> Result<Lookup, Refusal> {
        Ok(Lookup::new(ceknik_client::Lookup::new(self.inquiry, self.cached, timestamp(now)?, rng)))
    }
}

/// A time in milliseconds, as JavaScript has it.
pub(crate) fn timestamp(milliseconds: f64) -> Result<Timestamp, Refusal> {
    // A number that is none becomes 0, one that is too large the largest.
    let seconds = (milliseconds / 1000.0).floor() as i64;
    let set = seconds > 0;
    let at = Timestamp::from_unix(seconds).ok().filter(|_| set);
    at.ok_or_else(|| Refusal("the clock of this device is not set".to_owned()))
}
