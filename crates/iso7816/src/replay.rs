use std::sync::Arc;
use std::time::Duration;

use crate::transcript::{Entry, Exchange};
use crate::{Disposition, Link, LinkError, Masked, Protocol, Reader, Reset, Transcript};

/// A link that answers from a transcript.
///
/// Commands must come as they were recorded, byte for byte; withheld bytes are equal to any.
/// Withheld bytes of a response are answered as 00. Resets must come where they were recorded.
/// Where the transcript holds an error in place of a response, that error is given.
///
/// ```
/// use iso7816::{Link, ReplayLink, Transcript};
///
/// let recorded = concat!(
///     r#"{"schema":"cardwright-transcript","version":1,"tool":"example","time":"2026-01-05T09:00:00Z","#,
///     r#""reader":"sim:series10","atr":"3B00","protocol":"T=1"}"#, "\n",
///     r#"{"kind":"exchange","seq":1,"at_us":0,"took_us":900,"command":"00A4040000","response":"6A82"}"#, "\n",
/// );
/// let mut link = ReplayLink::new(Transcript::read(recorded.as_bytes())?);
/// assert_eq!(link.transmit(&[0x00, 0xA4, 0x04, 0x00, 0x00])?, [0x6A, 0x82]);
/// assert!(link.transmit(&[0x00, 0xA4, 0x04, 0x00, 0x00]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReplayLink {
    name: String,
    transcript: Arc<Transcript>,
    /// The next entry.
    at: usize,
    atr: Vec<u8>,
}

impl ReplayLink {
    /// Starts at the beginning. The link is called `replay:` and the reader recorded.
    #[must_use]
    pub fn new(transcript: impl Into<Arc<Transcript>>) -> Self {
        let transcript = transcript.into();
        let name = format!("replay:{}", transcript.header.reader);
        Self::named(name, transcript)
    }

    /// Starts at the beginning, with a name of its own (`replay:FILE`).
    #[must_use]
    pub fn named(name: impl Into<String>, transcript: impl Into<Arc<Transcript>>) -> Self {
        let transcript = transcript.into();
        Self {
            name: name.into(),
            atr: transcript.header.atr.clone(),
            transcript,
            at: 0,
        }
    }

    /// The exchanges not replayed yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.transcript.entries[self.at..]
            .iter()
            .filter(|entry| matches!(entry, Entry::Exchange(_)))
            .count()
    }

    /// Steps over remarks to the next entry that has to be met.
    fn upcoming(&mut self) -> Option<Entry> {
        loop {
            let entry = self.transcript.entries.get(self.at)?;
            match entry {
                Entry::Note { .. } => self.at += 1,
                // A card that came takes the place of the one before.
                Entry::Inserted { atr, .. } => {
                    self.atr = atr.filled();
                    self.at += 1;
                }
                entry => return Some(entry.clone()),
            }
        }
    }

    fn diverged(expected: &str, sent: &str) -> LinkError {
        LinkError::ReplayDiverged {
            detail: format!("{expected} was expected, {sent} came"),
        }
    }
}

impl Link for ReplayLink {
    fn name(&self) -> &str {
        &self.name
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.transcript.header.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let next = self.upcoming();
        if let Some(Entry::Exchange(exchange)) = &next
            && exchange.command.matches(command)
        {
            self.at += 1;
            return match (&exchange.response, &exchange.error) {
                (Some(response), _) => Ok(response.filled()),
                (None, Some(failure)) => Err(failure.to_link_error(&self.name)),
                (None, None) => Err(Self::diverged("no answer", "a command")),
            };
        }
        Err(Self::diverged(
            &words(next.as_ref()),
            &sent(command, next.as_ref()),
        ))
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        match self.upcoming() {
            Some(Entry::Reset {
                reset: recorded,
                atr,
                error,
                ..
            }) if recorded == reset => {
                self.at += 1;
                if let Some(failure) = error {
                    return Err(failure.to_link_error(&self.name));
                }
                if let Some(atr) = atr {
                    self.atr = atr.filled();
                }
                Ok(())
            }
            next => Err(Self::diverged(&words(next.as_ref()), &reset.to_string())),
        }
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

/// A reader whose card answers from a transcript, from the beginning each time it is connected.
#[derive(Debug)]
pub struct ReplayReader {
    name: String,
    transcript: Arc<Transcript>,
}

impl ReplayReader {
    /// `name` is the reader in the words of its selector (`replay:FILE`).
    #[must_use]
    pub fn new(name: impl Into<String>, transcript: impl Into<Arc<Transcript>>) -> Self {
        Self {
            name: name.into(),
            transcript: transcript.into(),
        }
    }
}

impl Reader for ReplayReader {
    fn name(&self) -> &str {
        &self.name
    }

    fn card_present(&mut self) -> Result<bool, LinkError> {
        Ok(true)
    }

    fn connect(&mut self, _: Duration) -> Result<Box<dyn Link>, LinkError> {
        Ok(Box::new(ReplayLink::named(
            self.name.clone(),
            Arc::clone(&self.transcript),
        )))
    }
}

fn words(entry: Option<&Entry>) -> String {
    match entry {
        Some(Entry::Exchange(Exchange { seq, command, .. })) => {
            format!("exchange {seq} `{command}`")
        }
        Some(Entry::Reset { reset, .. }) => format!("a {reset}"),
        Some(Entry::Removed { .. }) => "removal of the card".to_owned(),
        Some(Entry::Disconnected { .. }) => "the end of the connection".to_owned(),
        _ => "the end of the transcript".to_owned(),
    }
}

/// The command sent, with what is secret in it withheld: this text goes into error messages.
fn sent(command: &[u8], expected: Option<&Entry>) -> String {
    let mut spans = crate::redact::Redactor::new().judge(command, None).command;
    if let Some(Entry::Exchange(exchange)) = expected {
        // In the middle of a chain only the transcript knows what the command holds.
        spans.extend(
            exchange
                .redacted
                .iter()
                .filter(|span| span.side == crate::transcript::Side::Command)
                .map(|span| crate::Span {
                    at: span.at,
                    length: usize::MAX,
                    what: span.what,
                }),
        );
    }
    format!("`{}`", Masked::new(command, &spans))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transcript::{Header, SCHEMA, VERSION};

    fn transcript(entries: Vec<Entry>) -> Transcript {
        Transcript {
            header: Header {
                schema: SCHEMA.to_owned(),
                version: VERSION,
                tool: "test".to_owned(),
                time: jiff::Timestamp::UNIX_EPOCH,
                reader: "sim:test".to_owned(),
                atr: vec![0x3B, 0x00],
                protocol: Protocol::T1,
                series: None,
                card: None,
            },
            entries,
            complete: true,
        }
    }

    fn exchange(seq: u64, command: &str, response: &str) -> Entry {
        Entry::Exchange(Exchange {
            seq,
            at_us: 0,
            took_us: 0,
            command: command.parse().unwrap(),
            response: Some(response.parse().unwrap()),
            error: None,
            redacted: Vec::new(),
        })
    }

    #[test]
    fn withheld_bytes_match_anything_and_are_answered_as_zero() {
        let mut link = ReplayLink::new(transcript(vec![
            exchange(1, "0020008002****", "9000"),
            exchange(2, "00CB3FFF055C035FC12300", "****9000"),
        ]));
        assert_eq!(
            link.transmit(&[0x00, 0x20, 0x00, 0x80, 0x02, 0x31, 0x32]),
            Ok(vec![0x90, 0x00])
        );
        assert_eq!(link.remaining(), 1);
        assert_eq!(
            link.transmit(&hex::decode("00CB3FFF055C035FC12300").unwrap()),
            Ok(vec![0, 0, 0x90, 0x00])
        );
    }

    #[test]
    fn a_command_that_was_not_recorded_says_what_was_expected_but_no_passcode() {
        let mut link = ReplayLink::new(transcript(vec![exchange(1, "00A4040000", "9000")]));
        let error = link
            .transmit(&[0x00, 0x20, 0x00, 0x80, 0x02, 0x31, 0x32])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the transcript does not continue this way: exchange 1 `00A4040000` was expected, `0020008002****` came"
        );
        // Nothing was consumed: the right command still goes.
        assert!(link.transmit(&hex::decode("00A4040000").unwrap()).is_ok());
        assert_eq!(
            link.transmit(&[0, 0, 0, 0]).unwrap_err().to_string(),
            "the transcript does not continue this way: the end of the transcript was expected, `00000000` came"
        );
    }

    #[test]
    fn a_recorded_error_is_given_again() {
        let reader = || "replay:sim:test".to_owned();
        for error in [
            LinkError::CardRemoved { reader: reader() },
            LinkError::CardReset { reader: reader() },
            LinkError::CardMute { reader: reader() },
            LinkError::ReaderGone { reader: reader() },
        ] {
            let mut link = ReplayLink::new(transcript(vec![Entry::Exchange(Exchange {
                seq: 1,
                at_us: 0,
                took_us: 0,
                command: "00A40400".parse().unwrap(),
                response: None,
                error: Some((&error).into()),
                redacted: Vec::new(),
            })]));
            assert_eq!(link.transmit(&[0x00, 0xA4, 0x04, 0x00]), Err(error));
        }
    }

    #[test]
    fn resets_come_where_they_were_recorded_and_bring_their_answer() {
        let mut link = ReplayLink::new(transcript(vec![
            Entry::Note {
                at_us: 0,
                text: "a remark".to_owned(),
            },
            Entry::Reset {
                at_us: 0,
                reset: Reset::Cold,
                atr: Some("3B01AA".parse().unwrap()),
                error: None,
            },
        ]));
        assert!(link.transmit(&[0, 0, 0, 0]).is_err());
        assert!(link.reset(Reset::Warm).is_err());
        assert_eq!(link.reset(Reset::Cold), Ok(()));
        assert_eq!(link.atr(), [0x3B, 0x01, 0xAA]);
    }

    proptest! {
        #[test]
        fn what_was_recorded_replays(
            exchanges in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 4..20), proptest::collection::vec(any::<u8>(), 2..20)),
                0..10,
            ),
        ) {
            let entries = exchanges.iter().enumerate().map(|(at, (command, response))| {
                exchange(at as u64 + 1, &hex::encode(command), &hex::encode(response))
            });
            let mut link = ReplayLink::new(transcript(entries.collect()));
            for (command, response) in &exchanges {
                prop_assert_eq!(&link.transmit(command).unwrap(), response);
            }
            prop_assert_eq!(link.remaining(), 0);
        }
    }
}
