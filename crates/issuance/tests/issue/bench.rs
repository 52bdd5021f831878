//! A simulated station and an issuer beside it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use authentic::secrets::OfficerPasscode;
use face::{Fonts, Renderer, Template};
use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
use firmware_sim::card::{Condition, Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::printer::{FAULT_TABLE, Movement};
use firmware_sim::station::{Config, SimStation};
use globalplatform::scp03::StaticKeys;
use ground::{Ambient, Virtual};
use iso7816::{Channel, Disposition, Link, LinkError, Protocol, Reader, Reset};
use issuance::DataDir;
use issuance::authority::TestAuthority;
use issuance::issue::{Batch, IssueError, IssueEvent, Issuer, Observer, Station};
use issuance::keys::{KeyRing, Purpose};
use issuance::request::{Request, RequestId};
use issuance::store::{Blank, BlankNumber, CardRecord, Handover, SqliteStore, StepKind, Store};
use piv::secrets::{AdminKey, Passcode};
use piv::words::Algorithm;
use plastic::Raster;
use printers::magicard::{Enduro, Profile};
use series::Profiles;
use tempfile::TempDir;

use crate::mortal_store::MortalStore;

/// The passcode of every card made here.
pub(crate) const PASSCODE: &str = "90817263";

pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) sim: SimStation,
    pub(crate) ambient: Arc<dyn Ambient>,
    /// What the passcode source answers.
    pub(crate) passcode: Option<&'static str>,
    profiles: Profiles,
    /// What a request without a series may get.
    series: Vec<String>,
    mischief: Arc<Mutex<Mischief>>,
    die_after: Arc<Mutex<Option<StepKind>>>,
    /// `None` while the program is down.
    running: Option<(Issuer, Station)>,
}

/// What the encoder does wrong on purpose.
#[derive(Default)]
struct Mischief {
    /// The card is gone at this instruction.
    yank_at: Option<u8>,
    /// The card carries this instruction out and is gone before it has answered.
    lose_answer_to: Option<u8>,
    /// The card says 9000 to this instruction and does nothing.
    swallow: Option<u8>,
    /// One bit of this object is wrong when it is read with contents.
    corrupt: Option<[u8; 3]>,
    /// How many STORE DATA commands reached the card.
    stored: usize,
}

pub(crate) fn request(bench: &Bench, id: &str, user: &str) -> Request {
    let photo = bench.folder.path().join("photo.png");
    if !photo.exists() {
        Raster::white(600, 750).write_png(&photo).unwrap();
    }
    Request {
        id: RequestId::new(id).unwrap(),
        user: user.parse().unwrap(),
        name: "Zoë O’Neill-Müller".to_owned(),
        photo,
        organisation: "Example NHS Trust".to_owned(),
        series: None,
    }
}

impl Bench {
    /// Blanks of that model, keys on P-256, which are made quickly.
    pub(crate) fn new(model: Model, blanks: u64) -> Self {
        Self::build(model, blanks, Condition::Blank, quick_profiles())
    }

    pub(crate) fn with_profiles(model: Model, blanks: u64, profiles: Profiles) -> Self {
        Self::build(model, blanks, Condition::Blank, profiles)
    }

    pub(crate) fn in_condition(model: Model, blanks: u64, condition: Condition) -> Self {
        Self::build(model, blanks, condition, quick_profiles())
    }

    pub(crate) fn with_profile(model: Model, blanks: u64, profile: series::Profile) -> Self {
        Self::build(model, blanks, Condition::Blank, with(profile))
    }

    /// Blanks that are this one chip, put in again and again.
    pub(crate) fn of_chip(
        chip: &(impl Chip + Clone + Sync + 'static),
        profile: series::Profile,
    ) -> Self {
        let chip = chip.clone();
        Self::supplied(100, with(profile), move |_| Box::new(chip.clone()))
    }

    /// Blanks of that AuthentIC model, to be issued as series 8 with keys that are made quickly.
    pub(crate) fn authentic(model: &AuthenticModel, blanks: u64) -> Self {
        let model = model.clone();
        let mut profile = Profiles::builtin().get("series-8").unwrap().clone();
        let slots = &mut profile.authentic.as_mut().unwrap().slots;
        slots.authentication.bits.value = 1024;
        slots.signing.bits.value = 1024;
        let mut bench = Self::supplied(blanks, with(profile), move |number| {
            Box::new(AuthenticChip::blank(&model, number))
        });
        bench.series = vec!["series-8".to_owned()];
        bench.restart();
        bench
    }

    fn build(model: Model, blanks: u64, condition: Condition, profiles: Profiles) -> Self {
        Self::supplied(blanks, profiles, move |number| {
            Box::new(PivChip::new(&model, number, condition))
        })
    }

    fn supplied(
        blanks: u64,
        profiles: Profiles,
        supply: impl Fn(u64) -> Box<dyn Chip> + Send + Sync + 'static,
    ) -> Self {
        let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(11));
        let sim = SimStation::open(
            Config::new("sim:test", blanks, Arc::clone(&ambient)),
            move |number| Ok(supply(number)),
        )
        .unwrap();
        let mut bench = Self {
            folder: tempfile::tempdir().unwrap(),
            sim,
            ambient,
            passcode: Some(PASSCODE),
            profiles,
            series: vec!["series-10".to_owned()],
            mischief: Arc::default(),
            die_after: Arc::default(),
            running: None,
        };
        bench.restart();
        bench
    }

    /// Ends the program, if it still runs, and starts it again beside the same machines.
    pub(crate) fn restart(&mut self) {
        self.running = None;
        let ambient = &self.ambient;
        let data = DataDir::open(&self.folder.path().join("data")).unwrap();
        let authority =
            TestAuthority::open_or_create(&data.authority(), Arc::clone(ambient)).unwrap();
        let issuer = Issuer {
            store: Box::new(MortalStore::new(
                SqliteStore::open(&data.journal()).unwrap(),
                Arc::clone(&self.die_after),
            )),
            keys: KeyRing::open_or_create_test(&data.keys(), &**ambient).unwrap(),
            authority: Box::new(authority),
            profiles: self.profiles.clone(),
            series: self.series.clone(),
            renderer: Renderer::new(Fonts::builtin()),
            limits: face::Limits::builtin().clone(),
            template: Template::builtin(),
            data,
            handover: Handover::Held,
            ambient: Arc::clone(ambient),
        };
        let profile = Profile::enduro().with_faults(FAULT_TABLE).unwrap();
        let printer =
            Enduro::open(self.sim.printer_connection(), profile, Arc::clone(ambient)).unwrap();
        let sim = self.sim.clone();
        let station = Station {
            name: "desk".to_owned(),
            purpose: Purpose::Test,
            printer: Box::new(printer),
            encoder: Box::new(Encoder {
                contacts: self.sim.contacts(),
                mischief: Arc::clone(&self.mischief),
            }),
            card_within: Duration::from_secs(1),
            witness: Some(Box::new(move || Ok(last_face(&sim)))),
        };
        self.running = Some((issuer, station));
    }

    pub(crate) fn run(&mut self, requests: &[Request]) -> Result<Batch, IssueError> {
        self.run_observed(requests, &mut |_: &IssueEvent<'_>| {})
    }

    pub(crate) fn run_observed(
        &mut self,
        requests: &[Request],
        observer: &mut dyn Observer,
    ) -> Result<Batch, IssueError> {
        let given = self.passcode;
        let mut passcodes = |_: &Request| match given {
            Some(digits) => Ok(Passcode::new(digits).unwrap()),
            None => Err("nobody has chosen one".to_owned()),
        };
        let (issuer, station) = self.running.as_mut().unwrap();
        issuer.issue_all(station, requests, &mut passcodes, observer)
    }

    pub(crate) fn station(&mut self) -> &mut Station {
        &mut self.running.as_mut().unwrap().1
    }

    pub(crate) fn cards(&self) -> Vec<CardRecord> {
        self.store().cards().unwrap()
    }

    pub(crate) fn blanks(&self) -> Vec<Blank> {
        self.store().blanks().unwrap()
    }

    fn store(&self) -> &dyn Store {
        &*self.running.as_ref().unwrap().0.store
    }

    pub(crate) fn yank_at(&self, instruction: Option<u8>) {
        self.mischief.lock().unwrap().yank_at = instruction;
    }

    pub(crate) fn lose_answer_to(&self, instruction: Option<u8>) {
        self.mischief.lock().unwrap().lose_answer_to = instruction;
    }

    pub(crate) fn swallow(&self, instruction: Option<u8>) {
        self.mischief.lock().unwrap().swallow = instruction;
    }

    pub(crate) fn stored(&self) -> usize {
        self.mischief.lock().unwrap().stored
    }

    fn keys(&self) -> &KeyRing {
        &self.running.as_ref().unwrap().0.keys
    }

    pub(crate) fn own_admin_key(&self, blank: &BlankNumber) -> AdminKey {
        self.keys().admin_key(Algorithm::Aes192, blank).unwrap()
    }

    pub(crate) fn own_manager_keys(&self, blank: &BlankNumber) -> StaticKeys {
        self.keys().manager_keys(16, blank).unwrap()
    }

    pub(crate) fn corrupt(&self, object: Option<[u8; 3]>) {
        self.mischief.lock().unwrap().corrupt = object;
    }

    /// The program dies when this step has taken effect and before its outcome is recorded.
    pub(crate) fn die_after(&self, step: Option<StepKind>) {
        *self.die_after.lock().unwrap() = step;
    }

    /// The card of that number, taken from the tray into another reader.
    pub(crate) fn client_of(&self, number: u64) -> piv::Client {
        piv::Client::select(self.channel_to(number)).unwrap()
    }

    pub(crate) fn channel_to(&self, number: u64) -> Channel {
        let chip: Box<dyn Chip> = self.sim.take(number).unwrap().unwrap();
        let mut reader = Contacts::new("sim:desk");
        reader.close_on(chip);
        Channel::new(reader.connect(Duration::ZERO).unwrap())
    }

    pub(crate) fn own_officer(&self, blank: &BlankNumber) -> OfficerPasscode {
        self.keys().officer_passcode(blank, 16).unwrap()
    }
}

fn quick_profiles() -> Profiles {
    with(quick_profile())
}

/// Series 10 with keys that are made quickly.
pub(crate) fn quick_profile() -> series::Profile {
    let profiles = Profiles::builtin();
    let mut profile = profiles.get("series-10").unwrap().clone();
    let slots = &mut profile.piv.as_mut().unwrap().slots;
    slots.authentication.algorithm.value = Algorithm::P256;
    slots.signing.algorithm.value = Algorithm::P384;
    profile
}

fn with(profile: series::Profile) -> Profiles {
    let mut profiles = Profiles::builtin();
    profiles.put(profile);
    profiles
}

fn last_face(sim: &SimStation) -> Option<Raster> {
    let last = sim
        .log()
        .into_iter()
        .rev()
        .find_map(|entry| match entry.movement {
            Movement::Printed { number, .. } => Some(number),
            _ => None,
        })?;
    Some(sim.printed(last)?.front?.picture())
}

/// The contacts, with mischief.
struct Encoder {
    contacts: Contacts,
    mischief: Arc<Mutex<Mischief>>,
}

impl Reader for Encoder {
    fn name(&self) -> &str {
        Reader::name(&self.contacts)
    }

    fn card_present(&mut self) -> Result<bool, LinkError> {
        self.contacts.card_present()
    }

    fn connect(&mut self, within: Duration) -> Result<Box<dyn Link>, LinkError> {
        Ok(Box::new(Wire {
            link: self.contacts.connect(within)?,
            mischief: Arc::clone(&self.mischief),
        }))
    }
}

struct Wire {
    link: Box<dyn Link>,
    mischief: Arc<Mutex<Mischief>>,
}

impl Link for Wire {
    fn name(&self) -> &str {
        self.link.name()
    }

    fn atr(&self) -> &[u8] {
        self.link.atr()
    }

    fn protocol(&self) -> Protocol {
        self.link.protocol()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        const STORE_DATA: u8 = 0xE2;
        let mut mischief = self.mischief.lock().unwrap();
        let removed = LinkError::CardRemoved {
            reader: self.link.name().to_owned(),
        };
        if mischief.yank_at == Some(command[1]) {
            return Err(removed);
        }
        if mischief.swallow == Some(command[1]) {
            return Ok(vec![0x90, 0x00]);
        }
        mischief.stored += usize::from(command[1] == STORE_DATA);
        let mut answer = self.link.transmit(command)?;
        if mischief.lose_answer_to == Some(command[1]) {
            return Err(removed);
        }
        let asked = mischief
            .corrupt
            .is_some_and(|tag| command[1] == 0xCB && command.windows(3).any(|part| part == tag));
        // In the middle of the signed part of what is there; a blank has next to nothing.
        if asked && answer.len() > 40 {
            answer[35] ^= 0x01;
        }
        Ok(answer)
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        self.link.reset(reset)
    }

    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        self.link.disconnect(disposition)
    }
}
