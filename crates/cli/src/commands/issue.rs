mod progress;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use ground::{Ambient, System};
use issuance::DataDir;
use issuance::authority::TestAuthority;
use issuance::issue::{Issuer, Station};
use issuance::keys::KeyRing;
use issuance::request::{Request, Requests};
use issuance::store::{CardRecord, CardState, Handover, SqliteStore};
use series::Profiles;
use stations::StationFile;

use crate::devices;
use crate::faces;
use crate::output::{Ending, Failure, Output};
use crate::passcode::PasscodeSource;
use progress::Progress;

/// The series of a card whose request names none.
const NEWEST_SERIES: u8 = 10;

/// Issue a card to every request that has none
///
/// Each card is fed to the contacts, personalised, read back and verified, printed, checked and
/// handed out; every step is in the journal before and after it is done. Requests that have their
/// card already are left alone, so the same command can be given again after anything went wrong.
///
/// Without --station the cards are issued at a simulated station with simulated blanks, which lives
/// in the data folder.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright issue examples/requests.csv --passcode-file examples/passcode.txt
  cardwright issue people.csv --station station.toml --data /srv/cards --handover held
  cardwright --json issue people.csv --station station.toml > report.json

The request file is CSV with the columns request, uuid, name, photo, organisation and optionally
series; photos are PNG or JPEG, their paths count from the file's folder.

Exit codes: 0 every request has its card, 1 some were not fulfilled and stay open,
            2 the request file or the arguments are wrong, 3 device, 4 store or authority")]
pub(crate) struct Issue {
    /// The request file
    #[arg(value_name = "REQUESTS.csv")]
    requests: PathBuf,

    /// The station file; a simulated station if left out
    #[arg(long, value_name = "FILE")]
    station: Option<PathBuf>,

    /// Folder of journal, keys, test authority, transcripts and faces; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "run-data")]
    data: PathBuf,

    #[command(flatten)]
    passcode: PasscodeSource,

    /// What becomes of finished cards
    #[arg(long, value_enum, default_value_t = HandoverWord::Delivered)]
    handover: HandoverWord,

    /// SVG template of the face; overrides the station file
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,

    /// ICC profile (RGB) of the printer; overrides the station file
    #[arg(long, value_name = "FILE")]
    icc: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HandoverWord {
    /// Given to their holders.
    Delivered,
    /// Kept until their holders come.
    Held,
}

impl Issue {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let ambient = System::shared();
        let Requests { requests, warnings } = Requests::read_csv(&self.requests)?;
        for warning in warnings {
            output.warn(&format!("{}: {warning}", self.requests.display()));
        }
        let file = self.station.as_deref().map(StationFile::read).transpose()?;
        let passcodes = self.passcode.read()?;

        let mut issuer = self.issuer(file.as_ref(), &ambient)?;
        let mut station = match file {
            Some(file) => {
                // Before a device is touched: the answer does not depend on them.
                issuer.permit(&file.name, devices::purpose(&file))?;
                devices::station(&file, &ambient)?
            }
            None => simulated(&self.data, &blanks_for(&requests, &issuer)?, &ambient)?,
        };
        let mut source = |request: &Request| {
            passcodes
                .for_request(request.id.as_str())
                .ok_or_else(|| format!("the passcode file has no line `{},PASSCODE`", request.id))
        };
        let mut progress = Progress::new(output);
        let batch = issuer.issue_all(&mut station, &requests, &mut source, &mut progress)?;
        progress.finish();

        report::print(&batch, output)?;
        Ok(if batch.is_complete() {
            Ending::Done
        } else {
            Ending::Findings
        })
    }

    fn issuer<'a>(
        &'a self,
        file: Option<&'a StationFile>,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<Issuer, Failure> {
        let data = DataDir::open(&self.data)?;
        let chosen = |own: &'a Option<PathBuf>, of_station: fn(&StationFile) -> Option<&Path>| {
            own.as_deref().or_else(|| file.and_then(of_station))
        };
        let template = chosen(&self.template, |file| file.template.as_deref());
        let icc = chosen(&self.icc, |file| file.icc.as_deref());
        let limits = file.and_then(|file| file.photo_limits.as_deref());
        Ok(Issuer {
            store: Box::new(SqliteStore::open(&data.journal())?),
            keys: KeyRing::open_or_create_test(&data.keys(), &**ambient)?,
            authority: Box::new(TestAuthority::open_or_create(
                &data.authority(),
                Arc::clone(ambient),
            )?),
            profiles: Profiles::builtin(),
            // What a request without a series may get.
            series: vec![format!("series-{NEWEST_SERIES}")],
            renderer: faces::renderer(icc)?,
            limits: faces::limits(limits)?,
            template: faces::template(template)?,
            data,
            handover: match self.handover {
                HandoverWord::Delivered => Handover::Delivered,
                HandoverWord::Held => Handover::Held,
            },
            ambient: Arc::clone(ambient),
        })
    }
}

/// A simulated station in the data folder, with these blanks.
fn simulated(data: &Path, blanks: &[u8], ambient: &Arc<dyn Ambient>) -> Result<Station, Failure> {
    devices::simulated_station(&data.join("station"), blanks, ambient)
}

/// The series of the blanks that will be fed: one for each request whose person has no card yet.
fn blanks_for(requests: &[Request], issuer: &Issuer) -> Result<Vec<u8>, Failure> {
    let cards = issuer.store.cards()?;
    let has_card = |request: &Request| {
        let issued = |card: &CardRecord| matches!(card.state, CardState::Issued { .. });
        cards
            .iter()
            .any(|card| card.user == request.user && issued(card))
    };
    Ok(requests
        .iter()
        .filter(|request| !has_card(request))
        .map(|request| request.series.unwrap_or(NEWEST_SERIES))
        .collect())
}
