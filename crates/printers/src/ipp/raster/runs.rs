//! Lines in runs (PWG 5102.4-2012, section 4.4).
//!
//! Each line starts with how often it comes again. Then 0 to 127 repeats the dot that follows that
//! many times more; 129 to 255 is followed by 257 less that many dots, each as it is. 128 is not
//! written; readers take it for white up to the end of the line, as CUPS does. Dots of less than a
//! byte are packed by the byte.

use super::{Colour, Header, RasterError};

/// The most lines or dots one count stands for.
const MOST_LINES: usize = 256;
const MOST_DOTS: usize = 128;
/// White up to the end of the line.
const CLEAR: u8 = 128;

pub(super) fn pack(lines: &[u8], stride: usize, colour: Colour, out: &mut Vec<u8>) {
    let mut rest = lines;
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(stride);
        let again = behind
            .chunks_exact(stride)
            .take(MOST_LINES - 1)
            .take_while(|next| *next == line)
            .count();
        out.push(u8::try_from(again).expect("at most 255"));
        match colour {
            Colour::Srgb8 => pack_line(line.as_chunks::<3>().0, out),
            _ => pack_line(line.as_chunks::<1>().0, out),
        }
        rest = &behind[again * stride..];
    }
}

fn pack_line<const BYTES: usize>(mut dots: &[[u8; BYTES]], out: &mut Vec<u8>) {
    while let [first, rest @ ..] = dots {
        let window = &dots[..dots.len().min(MOST_DOTS)];
        let equal = 1 + rest[..window.len() - 1]
            .iter()
            .take_while(|dot| *dot == first)
            .count();
        if equal > 1 {
            out.push(u8::try_from(equal - 1).expect("at most 127"));
            out.extend_from_slice(first);
            dots = &dots[equal..];
            continue;
        }
        // As they are, up to the next two that are alike.
        let single = window
            .windows(2)
            .position(|pair| pair[0] == pair[1])
            .unwrap_or(window.len());
        let (singles, behind) = dots.split_at(single);
        out.push(match single {
            1 => 0,
            many => u8::try_from(257 - many).expect("from 129 to 255"),
        });
        out.extend_from_slice(singles.as_flattened());
        dots = behind;
    }
}

/// The lines of a page that start at `at`, and where they end.
pub(super) fn unpack(
    bytes: &[u8],
    mut at: usize,
    header: &Header,
) -> Result<(Vec<u8>, usize), RasterError> {
    let stride = header.stride();
    let dot = (header.colour.bits() as usize).div_ceil(8);
    let mut lines = Vec::new();
    let mut line = 0;
    while line < header.height {
        let start = at;
        let again = u32::from(byte(bytes, &mut at, "how often a line repeats")?);
        let left = header.height - line;
        if again >= left {
            return Err(RasterError::TooManyLines {
                offset: start,
                line,
                repeats: again,
                left: left - 1,
            });
        }
        let first = lines.len();
        let end = first + stride;
        while lines.len() < end {
            let run = at;
            let count = byte(bytes, &mut at, "the count of a run")?;
            let room = (end - lines.len()) / dot;
            let fits = |dots: usize| {
                (dots <= room)
                    .then_some(dots)
                    .ok_or(RasterError::RunTooLong { offset: run, line })
            };
            match count {
                CLEAR => lines.resize(end, header.colour.white()),
                0..CLEAR => {
                    let dots = fits(usize::from(count) + 1)?;
                    let value = take(bytes, &mut at, dot)?;
                    for _ in 0..dots {
                        lines.extend_from_slice(value);
                    }
                }
                _ => {
                    let dots = fits(257 - usize::from(count))?;
                    lines.extend_from_slice(take(bytes, &mut at, dots * dot)?);
                }
            }
        }
        for _ in 0..again {
            lines.extend_from_within(first..end);
        }
        line += again + 1;
    }
    Ok((lines, at))
}

fn byte(bytes: &[u8], at: &mut usize, expected: &'static str) -> Result<u8, RasterError> {
    let byte = *bytes.get(*at).ok_or(RasterError::Truncated {
        offset: bytes.len(),
        expected,
    })?;
    *at += 1;
    Ok(byte)
}

fn take<'a>(bytes: &'a [u8], at: &mut usize, count: usize) -> Result<&'a [u8], RasterError> {
    let taken = bytes.get(*at..*at + count).ok_or(RasterError::Truncated {
        offset: bytes.len(),
        expected: "the dots of a run",
    })?;
    *at += count;
    Ok(taken)
}
