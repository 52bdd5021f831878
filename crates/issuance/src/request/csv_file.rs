use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use face::Photo;

use super::{
    MAX_NAME, MAX_ORGANISATION, Problem, ProblemKind, Request, RequestId, Requests, RequestsError,
    Survey, UserId, Warning, WarningKind,
};

/// The most bytes a file of requests may have.
pub const MAX_FILE_SIZE: u64 = 4 * 1024 * 1024;

/// Every column a file may have. All but `series` must be there.
pub const COLUMNS: [&str; 6] = ["request", "uuid", "name", "photo", "organisation", "series"];

/// The place of `series` in [`COLUMNS`], the only one that may be left out or empty.
const SERIES: usize = 5;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

pub(super) fn read(path: &Path) -> Result<Requests, RequestsError> {
    let Survey {
        requests,
        problems,
        warnings,
    } = parsed(path, Photos::Decoded)?;
    if problems.is_empty() {
        let requests = requests.into_iter().map(|(_, request)| request).collect();
        Ok(Requests { requests, warnings })
    } else {
        Err(RequestsError::Invalid {
            path: path.to_owned(),
            problems,
        })
    }
}

pub(super) fn survey(path: &Path) -> Result<Survey, RequestsError> {
    parsed(path, Photos::Left)
}

fn parsed(path: &Path, photos: Photos) -> Result<Survey, RequestsError> {
    let bytes = read_bounded(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Parser::new(folder, photos)
        .parse(&bytes)
        .map_err(|problems| RequestsError::Invalid {
            path: path.to_owned(),
            problems,
        })
}

/// What is done about the photos of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Photos {
    /// Each is decoded, so that a bad one is found before a card moves.
    Decoded,
    /// None is looked at.
    Left,
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, RequestsError> {
    let read = |source| RequestsError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    let bytes = file.metadata().map_err(read)?.len();
    let mut content = Vec::new();
    // The length is that of a moment ago, so the reading itself is bounded, too.
    file.take(MAX_FILE_SIZE + 1)
        .read_to_end(&mut content)
        .map_err(read)?;
    if content.len() as u64 > MAX_FILE_SIZE {
        return Err(RequestsError::TooLarge {
            path: path.to_owned(),
            bytes: bytes.max(content.len() as u64),
        });
    }
    Ok(content)
}

struct Parser<'a> {
    folder: &'a Path,
    photos: Photos,
    survey: Survey,
    /// The row in which a reference and a user stood first.
    references: HashMap<RequestId, u64>,
    users: HashMap<UserId, u64>,
}

/// For each of [`COLUMNS`], where it stands in the file.
type Places = [Option<usize>; COLUMNS.len()];

impl<'a> Parser<'a> {
    fn new(folder: &'a Path, photos: Photos) -> Self {
        Self {
            folder,
            photos,
            survey: Survey::default(),
            references: HashMap::new(),
            users: HashMap::new(),
        }
    }

    /// Reads all rows; an error if there are none that can be read.
    fn parse(mut self, bytes: &[u8]) -> Result<Survey, Vec<Problem>> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        // No text has this byte; UTF-16 and the files of office programs do.
        if bytes.contains(&0) {
            self.problem(1, None, ProblemKind::NotText);
            return Err(self.survey.problems);
        }
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut records = reader.byte_records();
        let mut next = || {
            let record = records.next()?;
            Some(record.expect("bytes in memory with rows of any length can always be read"))
        };
        let Some(header) = next() else {
            self.problem(1, None, ProblemKind::NoHeader);
            return Err(self.survey.problems);
        };
        let Some(places) = self.header(&header) else {
            return Err(self.survey.problems);
        };
        let mut rows = 0_usize;
        while let Some(record) = next() {
            rows += 1;
            self.row(&places, header.len(), &record);
        }
        if rows == 0 {
            self.problem(1, None, ProblemKind::NoRequests);
        }
        Ok(self.survey)
    }

    /// Finds the columns; `None` (and problems) when rows cannot be read with this header.
    fn header(&mut self, header: &ByteRecord) -> Option<Places> {
        let row = line(header);
        let before = self.survey.problems.len();
        if let (1, Some(only)) = (header.len(), header.get(0)) {
            let found = [(b';', "semicolons"), (b'\t', "tabs")]
                .into_iter()
                .find(|(byte, _)| only.contains(byte));
            if let Some((_, found)) = found {
                self.problem(row, None, ProblemKind::WrongDelimiter { found });
                return None;
            }
        }
        let mut places = Places::default();
        for (place, field) in header.iter().enumerate() {
            let Ok(text) = std::str::from_utf8(field) else {
                self.problem(row, None, ProblemKind::NotUtf8);
                continue;
            };
            let text = text.trim();
            match COLUMNS.iter().position(|column| *column == text) {
                None => {
                    let column = shown(text);
                    self.problem(row, None, ProblemKind::UnknownColumn { column });
                }
                Some(column) if places[column].is_some() => {
                    self.problem(row, Some(COLUMNS[column]), ProblemKind::RepeatedColumn);
                }
                Some(column) => places[column] = Some(place),
            }
        }
        for (column, place) in places.iter().enumerate() {
            if place.is_none() && column != SERIES {
                self.problem(row, Some(COLUMNS[column]), ProblemKind::MissingColumn);
            }
        }
        (self.survey.problems.len() == before).then_some(places)
    }

    /// Reads one row and keeps its request if all of its fields are right.
    fn row(&mut self, places: &Places, expected: usize, record: &ByteRecord) {
        let row = line(record);
        if record.len() != expected {
            let actual = record.len();
            self.problem(row, None, ProblemKind::FieldCount { actual, expected });
            return;
        }
        let before = self.survey.problems.len();
        let fields: [Option<String>; COLUMNS.len()] = std::array::from_fn(|column| {
            let bytes = places[column].and_then(|place| record.get(place))?;
            self.text(row, column, bytes)
        });
        let [id, user, name, photo, organisation, series] = fields;
        let id = self.reference(row, id.as_deref());
        let user = self.user(row, user.as_deref());
        self.check_lengths(row, name.as_deref(), organisation.as_deref());
        let photo = photo.map(|photo| self.folder.join(photo));
        if let Some(path) = &photo
            && self.photos == Photos::Decoded
            && let Err(error) = Photo::load(path)
        {
            self.problem(row, Some("photo"), error.into());
        }
        let series = series.and_then(|text| match text.parse::<u8>() {
            Ok(series) if series > 0 => Some(series),
            _ => {
                let text = shown(&text);
                self.problem(row, Some("series"), ProblemKind::Series { text });
                None
            }
        });
        if self.survey.problems.len() > before {
            return;
        }
        if let (Some(id), Some(user), Some(name), Some(photo), Some(organisation)) =
            (id, user, name, photo, organisation)
        {
            let request = Request {
                id,
                user,
                name,
                photo,
                organisation,
                series,
            };
            self.survey.requests.push((row, request));
        }
    }

    /// One field as text without surrounding spaces; `None` (and a problem, unless it is an empty
    /// `series`) when there is none to use.
    fn text(&mut self, row: u64, column: usize, bytes: &[u8]) -> Option<String> {
        let kind = match std::str::from_utf8(bytes).map(str::trim) {
            Err(_) => ProblemKind::NotUtf8,
            Ok("") if column == SERIES => return None,
            Ok("") => ProblemKind::Empty,
            Ok(text) if text.chars().any(char::is_control) => ProblemKind::ControlCharacter,
            Ok(text) => return Some(text.to_owned()),
        };
        self.problem(row, Some(COLUMNS[column]), kind);
        None
    }

    fn reference(&mut self, row: u64, text: Option<&str>) -> Option<RequestId> {
        let text = text?;
        let kind = match RequestId::new(text) {
            Err(source) => ProblemKind::Reference {
                text: shown(text),
                source,
            },
            Ok(id) => match self.references.get(&id) {
                None => {
                    self.references.insert(id.clone(), row);
                    return Some(id);
                }
                Some(&other) => ProblemKind::RepeatedReference {
                    text: shown(text),
                    other,
                },
            },
        };
        self.problem(row, Some("request"), kind);
        None
    }

    fn user(&mut self, row: u64, text: Option<&str>) -> Option<UserId> {
        let text = text?;
        let kind = match text.parse::<UserId>() {
            Err(source) => ProblemKind::User {
                text: shown(text),
                source,
            },
            Ok(user) => match self.users.get(&user) {
                None => {
                    self.users.insert(user, row);
                    self.warn_about_check_digit(row, user);
                    return Some(user);
                }
                Some(&other) => ProblemKind::RepeatedUser {
                    text: shown(text),
                    other,
                },
            },
        };
        self.problem(row, Some("uuid"), kind);
        None
    }

    fn warn_about_check_digit(&mut self, row: u64, user: UserId) {
        if !user.check_digit_matches() {
            self.survey.warnings.push(Warning {
                row,
                column: Some("uuid"),
                kind: WarningKind::CheckDigit {
                    text: user.to_string(),
                    actual: user.check_digit(),
                    expected: user.expected_check_digit(),
                },
            });
        }
    }

    fn check_lengths(&mut self, row: u64, name: Option<&str>, organisation: Option<&str>) {
        let characters = |text: Option<&str>| text.map_or(0, |text| text.chars().count());
        let actual = characters(name);
        if actual > MAX_NAME {
            self.problem(row, Some("name"), ProblemKind::NameTooLong { actual });
        }
        let actual = characters(organisation);
        if actual > MAX_ORGANISATION {
            self.problem(
                row,
                Some("organisation"),
                ProblemKind::OrganisationTooLong { actual },
            );
        }
    }

    fn problem(&mut self, row: u64, column: Option<&'static str>, kind: ProblemKind) {
        self.survey.problems.push(Problem { row, column, kind });
    }
}

fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}

/// What somebody wrote, short and on one line, for a message.
fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if text.chars().count() > MOST {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
