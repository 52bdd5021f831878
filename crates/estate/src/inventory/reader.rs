use std::io::{self, BufRead, BufReader, Read};

use csv::{ByteRecord, ReaderBuilder};

use super::{Column, Machine, Problem, ProblemKind};
use crate::InventoryError;
use crate::words::shown;

/// Reads an inventory row by row: comma, semicolon or tab between cells, with or without byte
/// order mark, any line ends, `sep=;` in the first line as Excel writes it.
#[derive(Debug)]
pub struct Inventory<R> {
    reader: csv::Reader<Guard<BufReader<R>>>,
    record: ByteRecord,
    columns: Vec<Option<(Column, String)>>,
    /// `site` stands for `id`.
    site_is_id: bool,
    lines_before: u64,
    cells: usize,
    problems: Vec<Problem>,
}

impl<R: Read> Inventory<R> {
    /// The most bytes a row may have.
    pub const MAX_ROW: usize = 1 << 20;
    /// The most bytes a cell may have.
    pub const MAX_CELL: usize = 4096;

    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`InventoryError`], when no row can be read.
    pub fn new(input: R) -> Result<Self, InventoryError> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        let start = input.fill_buf()?;
        if start.starts_with(b"\xEF\xBB\xBF") {
            input.consume(3);
        }
        let mut lines_before = 0;
        let mut separator = None;
        if let Some((named, bytes)) = named_separator(input.fill_buf()?) {
            separator = Some(named);
            input.consume(bytes);
            lines_before = 1;
        }
        let separator = match separator {
            Some(separator) => separator,
            None => likely_separator(input.fill_buf()?),
        };
        let guard = Guard {
            inner: input,
            since_row: 0,
            tripped: None,
            last: b'\n',
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(guard);
        let mut inventory = Self {
            reader,
            record: ByteRecord::new(),
            columns: Vec::new(),
            site_is_id: false,
            lines_before,
            cells: 0,
            problems: Vec::new(),
        };
        inventory.header()?;
        Ok(inventory)
    }

    /// The columns the header names.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.columns.iter().flatten().map(|(column, _)| *column)
    }

    /// What was found wrong since this was last asked.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// The next row; `None` at the end. What is wrong in it is in [`Inventory::take_problems`].
    ///
    /// # Errors
    ///
    /// [`InventoryError`], when the file cannot be read on.
    pub fn next_machine(&mut self) -> Result<Option<Machine>, InventoryError> {
        if !self.next_record()? {
            return Ok(None);
        }
        let line = self.line();
        let mut machine = Machine {
            line,
            cards: 1,
            ..Machine::default()
        };
        for (index, named) in self.columns.iter().enumerate() {
            let Some((column, name)) = named else {
                continue;
            };
            let Some(bytes) = self.record.get(index) else {
                break;
            };
            let cell = match std::str::from_utf8(bytes) {
                _ if bytes.len() > Self::MAX_CELL => Err(ProblemKind::CellTooLong {
                    most: Self::MAX_CELL,
                }),
                Err(_) => Err(ProblemKind::NotUtf8),
                Ok(cell) => Ok(cell.trim()),
            };
            let set = cell.and_then(|cell| match cell {
                "" => Ok(()),
                cell => machine.set(*column, cell),
            });
            if let Err(kind) = set {
                self.problems.push(Problem {
                    line,
                    column: Some(name.clone()),
                    kind,
                });
            }
        }
        if self.record.len() > self.cells {
            self.problem(
                line,
                ProblemKind::TooManyCells {
                    found: self.record.len(),
                    expected: self.cells,
                },
            );
        }
        if machine.id.is_empty() && self.site_is_id {
            machine.id = machine.site.clone().unwrap_or_default();
        }
        if machine.id.is_empty() {
            machine.id = format!("line {line}");
            self.problem(line, ProblemKind::NoId);
        }
        Ok(Some(machine))
    }

    fn header(&mut self) -> Result<(), InventoryError> {
        if !self.next_record()? {
            return Err(InventoryError::Empty);
        }
        let line = self.line();
        let mut columns: Vec<Option<(Column, String)>> = Vec::new();
        let mut named = Vec::new();
        for cell in self.record.iter() {
            let name = shown(String::from_utf8_lossy(cell).trim());
            named.push(format!("`{name}`"));
            let column = Column::named(&name);
            let kind = match column {
                // Excel leaves empty columns behind.
                _ if name.is_empty() => None,
                None => Some(ProblemKind::UnknownColumn),
                Some(column) if columns.iter().flatten().any(|(known, _)| *known == column) => {
                    Some(ProblemKind::ColumnTwice)
                }
                Some(_) => None,
            };
            let read = column.filter(|_| kind.is_none());
            columns.push(read.map(|column| (column, name.clone())));
            if let Some(kind) = kind {
                self.problems.push(Problem {
                    line,
                    column: Some(name),
                    kind,
                });
            }
        }
        let has = |wanted| {
            columns
                .iter()
                .flatten()
                .any(|(column, _)| *column == wanted)
        };
        if !has(Column::Id) && !has(Column::Site) {
            named.truncate(Column::ALL.len());
            return Err(InventoryError::NoId { line, named });
        }
        self.site_is_id = !has(Column::Id);
        self.cells = columns.len();
        self.columns = columns;
        Ok(())
    }

    /// Reads the next row that has a cell with something in it.
    fn next_record(&mut self) -> Result<bool, InventoryError> {
        loop {
            self.reader.get_mut().since_row = 0;
            let read = self.reader.read_byte_record(&mut self.record);
            if let Some(tripped) = self.reader.get_ref().tripped {
                let line = self.lines_before + self.reader.position().line();
                return Err(match tripped {
                    Tripped::Zero => InventoryError::NotText { line },
                    Tripped::TooLong => InventoryError::RowTooLong {
                        line,
                        most: Self::MAX_ROW,
                    },
                });
            }
            let more = read.map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => InventoryError::Read(error),
                // Rows of any length and any bytes are read, so only reading can fail.
                other => InventoryError::Read(io::Error::other(format!("{other:?}"))),
            })?;
            if !more {
                return Ok(false);
            }
            if self.record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                return Ok(true);
            }
        }
    }

    /// The line on which the row begins. The reader is behind the row, and what it says of the
    /// beginning counts empty lines before it to the row.
    fn line(&self) -> u64 {
        let within: usize = self
            .record
            .iter()
            .map(|cell| cell.iter().filter(|&&byte| byte == b'\n').count())
            .sum();
        let behind = self.lines_before + self.reader.position().line();
        behind.saturating_sub(1 + within as u64).max(1)
    }

    fn problem(&mut self, line: u64, kind: ProblemKind) {
        self.problems.push(Problem {
            line,
            column: None,
            kind,
        });
    }
}

/// Gives every line the end `\n`, the last one, too, so that lines can be counted; ends the reading
/// where what follows can be no inventory, before it fills the memory.
#[derive(Debug)]
struct Guard<R> {
    inner: R,
    /// Bytes since the last row was asked for.
    since_row: usize,
    tripped: Option<Tripped>,
    /// The byte read last, as it stands in the file.
    last: u8,
}

#[derive(Clone, Copy, Debug)]
enum Tripped {
    Zero,
    TooLong,
}

impl<R: Read> Guard<R> {
    fn read_lines(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(buffer)?;
            if read == 0 {
                let open = !matches!(self.last, b'\n' | b'\r') && !buffer.is_empty();
                if open {
                    buffer[0] = b'\n';
                    self.last = b'\n';
                }
                return Ok(usize::from(open));
            }
            let mut kept = 0;
            for index in 0..read {
                let byte = buffer[index];
                let second_of_pair = byte == b'\n' && self.last == b'\r';
                self.last = byte;
                if !second_of_pair {
                    buffer[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
            }
            // Nothing kept would mean the end of the file.
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read_lines(buffer)?;
        self.since_row += count;
        // No text has a zero byte; UTF-16 and the files of office programs do.
        if buffer[..count].contains(&0) {
            self.tripped = Some(Tripped::Zero);
        } else if self.since_row > Inventory::<R>::MAX_ROW {
            self.tripped = Some(Tripped::TooLong);
        }
        match self.tripped {
            Some(_) => Err(io::Error::from(io::ErrorKind::InvalidData)),
            None => Ok(count),
        }
    }
}

/// The separator of a first line `sep=;` and how many bytes that line has.
fn named_separator(start: &[u8]) -> Option<(u8, usize)> {
    let separator = *start.strip_prefix(b"sep=")?.first()?;
    let known = [b',', b';', b'\t'].contains(&separator);
    let end = match start.get(5..)? {
        [b'\r', b'\n', ..] => 7,
        [b'\n' | b'\r', ..] => 6,
        _ => return None,
    };
    known.then_some((separator, end))
}

/// What stands most often between the cells of the first line.
fn likely_separator(start: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for &byte in start.trim_ascii_start() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == byte) {
                    *count += 1;
                }
            }
        }
    }
    // The first of equals: a comma where there is none.
    let mut best = counts[0];
    for next in &counts[1..] {
        if next.1 > best.1 {
            best = *next;
        }
    }
    best.0
}
