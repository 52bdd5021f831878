//! What is read from the journal: rows to records. A row no version of this program writes is
//! [`Trouble::Damaged`].

use std::path::PathBuf;

use ground::Blame;
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use series::Slot;

use super::Trouble;
use crate::request::{Request, RequestId, UserId};
use crate::store::{
    Blank, BlankNumber, BlankState, CardId, CardRecord, CardState, CertificateRecord, Failure,
    Outcome, Refusal, RequestRecord, Step, StepKind,
};

const SELECT_REQUEST: &str =
    "SELECT id, user, name, organisation, photo, series, received FROM requests";

pub(super) fn all_requests(c: &Connection) -> Result<Vec<RequestRecord>, Trouble> {
    let mut statement = c.prepare(&format!("{SELECT_REQUEST} ORDER BY rowid"))?;
    statement.query_and_then([], request_of)?.collect()
}

pub(super) fn find_request(
    c: &Connection,
    id: &RequestId,
) -> Result<Option<RequestRecord>, Trouble> {
    let mut statement = c.prepare_cached(&format!("{SELECT_REQUEST} WHERE id = ?1"))?;
    let mut rows = statement.query_and_then([id.as_str()], request_of)?;
    rows.next().transpose()
}

pub(super) fn existing_request(c: &Connection, id: &RequestId) -> Result<RequestRecord, Trouble> {
    find_request(c, id)?.ok_or_else(|| {
        Refusal::UnknownRequest {
            request: id.clone(),
        }
        .into()
    })
}

pub(super) fn all_cards(c: &Connection) -> Result<Vec<CardRecord>, Trouble> {
    select_cards(c, "1 ORDER BY id", [])
}

pub(super) fn existing_card(c: &Connection, card: CardId) -> Result<CardRecord, Trouble> {
    select_cards(c, "id = ?1", [card.0])?
        .pop()
        .ok_or_else(|| Refusal::UnknownCard { card }.into())
}

pub(super) fn live_card(c: &Connection, user: UserId) -> Result<Option<CardRecord>, Trouble> {
    Ok(select_cards(c, "user = ?1 AND ended_reason IS NULL", [user.as_str()])?.pop())
}

pub(super) fn blank_state(c: &Connection, blank: &BlankNumber) -> Result<BlankState, Trouble> {
    let cards = select_cards(c, "blank = ?1 ORDER BY id", [blank.as_str()])?;
    for card in cards {
        match card.state {
            CardState::Released { .. } => {}
            CardState::Spoiled { reason } => return Ok(BlankState::Spoiled { reason }),
            _ => return Ok(BlankState::Bound { card: card.id }),
        }
    }
    Ok(BlankState::Free)
}

pub(super) fn stock(c: &Connection) -> Result<Vec<Blank>, Trouble> {
    let mut statement = c.prepare("SELECT number, series, seen FROM stock ORDER BY number")?;
    let rows = statement.query_and_then([], |row| {
        let number = blank_number(row.get(0)?)?;
        Ok::<_, Trouble>(Blank {
            state: blank_state(c, &number)?,
            number,
            series: row.get(1)?,
            seen: timestamp(row, 2)?,
        })
    })?;
    rows.collect()
}

pub(super) fn certificates_of(
    c: &Connection,
    card: CardId,
) -> Result<Vec<CertificateRecord>, Trouble> {
    let mut statement = c.prepare(
        "SELECT slot, serial, not_after, der FROM certificates WHERE card = ?1 ORDER BY rowid",
    )?;
    let rows = statement.query_and_then([card.0], |row| {
        let slot: String = row.get(0)?;
        Ok(CertificateRecord {
            slot: Slot::ALL
                .into_iter()
                .find(|known| known.name() == slot)
                .ok_or_else(|| Trouble::Damaged(format!("unknown slot `{slot}`")))?,
            serial: row.get(1)?,
            not_after: timestamp(row, 2)?,
            der: row.get(3)?,
        })
    })?;
    rows.collect()
}

pub(super) fn transcripts_of(c: &Connection, card: CardId) -> Result<Vec<String>, Trouble> {
    let mut statement = c.prepare("SELECT path FROM transcripts WHERE card = ?1 ORDER BY id")?;
    let rows = statement.query_map([card.0], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn request_of(row: &Row<'_>) -> Result<RequestRecord, Trouble> {
    Ok(RequestRecord {
        request: Request {
            id: request_id(row.get(0)?)?,
            user: user_id(row.get(1)?)?,
            name: row.get(2)?,
            organisation: row.get(3)?,
            photo: PathBuf::from(row.get::<_, String>(4)?),
            series: row.get(5)?,
        },
        received: timestamp(row, 6)?,
    })
}

fn select_cards(
    c: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<CardRecord>, Trouble> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT id, request, user, station, blank, opened, ended_reason FROM cards WHERE {condition}"
    ))?;
    let rows = statement.query_and_then(parameters, |row| {
        let id = CardId(row.get(0)?);
        let steps = steps_of(c, id)?;
        let ended: Option<String> = row.get(6)?;
        Ok::<_, Trouble>(CardRecord {
            id,
            request: request_id(row.get(1)?)?,
            user: user_id(row.get(2)?)?,
            station: row.get(3)?,
            blank: row
                .get::<_, Option<String>>(4)?
                .map(blank_number)
                .transpose()?,
            opened: timestamp(row, 5)?,
            state: CardState::fold(&steps, ended.as_deref())
                .map_err(|error| Trouble::Damaged(format!("card {id}: {error}")))?,
            steps,
        })
    })?;
    rows.collect()
}

fn steps_of(c: &Connection, card: CardId) -> Result<Vec<Step>, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT kind, intended, outcome, concluded, detail, blame, hint
         FROM steps WHERE card = ?1 ORDER BY number",
    )?;
    let rows = statement.query_and_then([card.0], |row| {
        let kind: String = row.get(0)?;
        let outcome: Option<String> = row.get(2)?;
        Ok::<_, Trouble>(Step {
            kind: StepKind::from_name(&kind)
                .ok_or_else(|| Trouble::Damaged(format!("unknown step `{kind}`")))?,
            intended: timestamp(row, 1)?,
            outcome: match outcome.as_deref() {
                None => None,
                Some("done") => {
                    let detail = row.get(4)?;
                    Some((Outcome::Done { detail }, timestamp(row, 3)?))
                }
                Some(_) => {
                    let failure = Failure {
                        blame: blame(row.get(5)?)?,
                        message: row.get(4)?,
                        hint: row.get(6)?,
                    };
                    Some((Outcome::Failed(failure), timestamp(row, 3)?))
                }
            },
        })
    })?;
    rows.collect()
}

fn timestamp(row: &Row<'_>, column: usize) -> Result<Timestamp, Trouble> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| Trouble::Damaged(format!("`{text}` is no time")))
}

fn request_id(text: String) -> Result<RequestId, Trouble> {
    RequestId::new(text.clone())
        .map_err(|_| Trouble::Damaged(format!("`{text}` is no request reference")))
}

fn user_id(text: String) -> Result<UserId, Trouble> {
    text.parse()
        .map_err(|_| Trouble::Damaged(format!("`{text}` is no UUID")))
}

fn blank_number(text: String) -> Result<BlankNumber, Trouble> {
    BlankNumber::from_text(&text)
        .ok_or_else(|| Trouble::Damaged(format!("`{text}` is no blank number")))
}

fn blame(name: String) -> Result<Blame, Trouble> {
    [
        Blame::AuthorityFault,
        Blame::CardMisbehaved,
        Blame::OperatorMistake,
        Blame::PrinterFault,
        Blame::ReaderFault,
        Blame::StoreFault,
    ]
    .into_iter()
    .find(|blame| blame.name() == name)
    .ok_or_else(|| Trouble::Damaged(format!("unknown blame `{name}`")))
}
