use serde::Serialize;

use super::{Atr, Check, ClockStop, Convention, HistoricalObject, Speed};
use crate::StatusWord;

/// One line of an explained answer to reset.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AtrLine {
    /// The byte or bytes (`TA1`, `historical`).
    pub name: String,
    /// Their value in hex; empty for lines about the whole.
    pub value: String,
    /// What they say.
    pub meaning: String,
}

impl Atr {
    /// The answer to reset in words, one line per byte or object, findings last.
    #[must_use]
    pub fn explain(&self) -> Vec<AtrLine> {
        let mut lines = Lines(Vec::new());
        lines.byte(
            "TS",
            self.convention.initial_character(),
            match self.convention {
                Convention::Direct => "direct convention",
                Convention::Inverse => "inverse convention",
            },
        );
        if let Some(&format) = self.raw.get(1) {
            lines.byte("T0", format, count(format & 0x0F, "historical byte"));
        }
        for (at, group) in self.groups.iter().enumerate() {
            let index = at + 1;
            if let Some(ta) = group.ta {
                lines.byte(&format!("TA{index}"), ta, self.explain_ta(at, ta));
            }
            if let Some(tb) = group.tb {
                lines.byte(&format!("TB{index}"), tb, self.explain_tb(at, tb));
            }
            if let Some(tc) = group.tc {
                lines.byte(&format!("TC{index}"), tc, self.explain_tc(at, tc));
            }
            if let Some(next) = self.groups.get(index) {
                let protocol = next.protocol.unwrap_or(0);
                let more = u8::from(self.groups.len() > index + 1) << 7;
                let meaning = if protocol == 15 {
                    "global interface bytes follow (T=15)".to_owned()
                } else {
                    format!("protocol T={protocol} offered")
                };
                let value = more | next.presence() | protocol;
                lines.byte(&format!("TD{index}"), value, meaning);
            }
        }
        self.explain_historical(&mut lines);
        match self.check {
            Check::Absent | Check::Missing => {}
            Check::Right(check) => lines.byte("TCK", check, "check byte, right"),
            Check::Wrong { found, expected } => lines.byte(
                "TCK",
                found,
                format!("check byte, wrong: {expected:02X} expected"),
            ),
        }
        for finding in &self.findings {
            lines.push("finding", String::new(), finding.to_string());
        }
        lines.0
    }

    fn explain_ta(&self, at: usize, ta: u8) -> String {
        match (at, self.groups[at].protocol) {
            (0, _) => explain_speed(Speed::from_ta1(ta)),
            (1, _) => {
                let change = if ta & 0x80 == 0 {
                    "can change to negotiable mode"
                } else {
                    "cannot change"
                };
                let speed = if ta & 0x10 == 0 {
                    "speed of TA1"
                } else {
                    "speed implicit"
                };
                format!("specific mode, T={}, {change}, {speed}", ta & 0x0F)
            }
            (_, Some(1)) => format!("IFSC: information field of {ta} bytes"),
            (_, Some(15)) => {
                let classes: Vec<&str> = [(1, "A 5 V"), (2, "B 3 V"), (4, "C 1.8 V")]
                    .into_iter()
                    .filter(|(bit, _)| ta & bit != 0)
                    .map(|(_, class)| class)
                    .collect();
                let stop = match self.electrical().clock_stop {
                    ClockStop::NotSupported => "clock stop not supported",
                    ClockStop::Low => "clock stop in state L",
                    ClockStop::High => "clock stop in state H",
                    ClockStop::Either => "clock stop in either state",
                };
                format!("classes {}; {stop}", or_none(&classes.join(", ")))
            }
            (_, protocol) => specific(protocol),
        }
    }

    fn explain_tb(&self, at: usize, tb: u8) -> String {
        match (at, self.groups[at].protocol) {
            (0 | 1, _) => "programming voltage, no longer used".to_owned(),
            (_, Some(1)) => format!(
                "BWI {}, CWI {}: block waiting time 11 etu + {} × 960 × 372 clocks, character waiting time {} etu",
                tb >> 4,
                tb & 0x0F,
                1_u32 << (tb >> 4),
                11 + (1_u32 << (tb & 0x0F)),
            ),
            (_, Some(15)) => "use of contact C6".to_owned(),
            (_, protocol) => specific(protocol),
        }
    }

    fn explain_tc(&self, at: usize, tc: u8) -> String {
        match (at, self.groups[at].protocol) {
            (0, _) if tc == 255 => "least guard time: 12 etu for T=0, 11 etu for T=1".to_owned(),
            (0, _) => format!("extra guard time of {tc} etu"),
            (1, _) => format!("T=0 waiting time integer {tc}: {tc} × 960 × Fi clocks"),
            (_, Some(1)) if tc & 1 == 0 => "blocks end with LRC".to_owned(),
            (_, Some(1)) => "blocks end with CRC".to_owned(),
            (_, protocol) => specific(protocol),
        }
    }

    fn explain_historical(&self, lines: &mut Lines) {
        let raw = &self.historical.raw;
        let Some(category) = self.historical.category() else {
            return;
        };
        let meaning = match category {
            0x00 => "COMPACT-TLV, status indicator at the end".to_owned(),
            0x10 => "DIR data reference".to_owned(),
            0x80 => "COMPACT-TLV".to_owned(),
            0x81..=0x8F => "reserved coding".to_owned(),
            _ => match std::str::from_utf8(raw) {
                Ok(text) if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') => {
                    format!("proprietary, in ASCII `{text}`")
                }
                _ => "proprietary".to_owned(),
            },
        };
        lines.push("historical", hex::encode_upper(raw), meaning);
        for object in &self.historical.objects {
            let (name, value, meaning) = explain_object(object);
            lines.push(name, value, meaning);
        }
    }
}

fn explain_object(object: &HistoricalObject) -> (&'static str, String, String) {
    let none = String::new;
    match object {
        HistoricalObject::Country(value) => ("country", hex::encode_upper(value), none()),
        HistoricalObject::Issuer(value) => (
            "issuer",
            hex::encode_upper(value),
            "issuer identification number".to_owned(),
        ),
        HistoricalObject::Service(service) => {
            let mut says = Vec::new();
            if service.select_by_full_name {
                says.push("select by full DF name");
            }
            if service.select_by_partial_name {
                says.push("select by partial DF name");
            }
            if service.objects_in_dir {
                says.push("data objects in EF.DIR");
            }
            if service.objects_in_atr {
                says.push("data objects in EF.ATR/INFO");
            }
            says.push(match service.access {
                0 => "read by READ RECORD",
                2 => "read by GET DATA",
                4 => "read by READ BINARY",
                _ => "read in a reserved way",
            });
            says.push(if service.has_master_file {
                "with master file"
            } else {
                "without master file"
            });
            (
                "card service",
                format!("{:02X}", service.raw),
                says.join(", "),
            )
        }
        HistoricalObject::InitialAccess(value) => {
            ("initial access", hex::encode_upper(value), none())
        }
        HistoricalObject::IssuerData(value) => (
            "issuer data",
            hex::encode_upper(value),
            "meaning set by the card issuer".to_owned(),
        ),
        HistoricalObject::PreIssuing(value) => (
            "pre-issuing data",
            hex::encode_upper(value),
            "meaning set by the card manufacturer".to_owned(),
        ),
        HistoricalObject::Capabilities(capabilities) => {
            let tables = [
                Some(capabilities.selection.0),
                capabilities.data_coding,
                capabilities.third,
            ];
            let value: Vec<u8> = tables.into_iter().flatten().collect();
            let mut says = vec![format!(
                "select by {}",
                or_none(&capabilities.selection.ways().join(", "))
            )];
            if let Some(unit) = capabilities.data_unit() {
                says.push(format!("data unit {}", count(unit, "byte")));
            }
            let yes_no =
                |what: &str, yes: bool| format!("{what} {}", if yes { "yes" } else { "no" });
            if let Some(chaining) = capabilities.command_chaining() {
                says.push(yes_no("command chaining", chaining));
            }
            if let Some(extended) = capabilities.extended_length() {
                says.push(yes_no("extended length", extended));
            }
            if let Some(channels) = capabilities.logical_channels() {
                says.push(count(channels, "logical channel"));
            }
            ("capabilities", hex::encode_upper(value), says.join("; "))
        }
        HistoricalObject::Status { life_cycle, status } => {
            let mut value = String::new();
            let mut says = Vec::new();
            if let Some(life_cycle) = life_cycle {
                value += &format!("{:02X}", life_cycle.0);
                says.push(match life_cycle.global_platform() {
                    Some(state) => format!(
                        "life cycle: {} (GlobalPlatform: {state})",
                        life_cycle.meaning()
                    ),
                    None => format!("life cycle: {}", life_cycle.meaning()),
                });
            }
            if let Some(status) = status {
                value += &format!("{status:04X}");
                says.push(match status {
                    0 => "no status given".to_owned(),
                    &status => StatusWord(status).meaning(),
                });
            }
            ("status", value, says.join("; "))
        }
        HistoricalObject::Application(value) => (
            "application",
            hex::encode_upper(value),
            "application identifier, perhaps cut".to_owned(),
        ),
        HistoricalObject::Other { tag, value } => (
            "object",
            hex::encode_upper(value),
            format!("COMPACT-TLV tag {tag:X}, not known"),
        ),
    }
}

fn explain_speed(speed: Speed) -> String {
    let reserved = || "reserved".to_owned();
    let fi = speed.fi.map_or_else(reserved, |fi| fi.to_string());
    let di = speed.di.map_or_else(reserved, |di| di.to_string());
    let mut text = format!("Fi {fi}, Di {di}");
    if let Some(clocks) = speed.clocks_per_bit() {
        text += &format!(": {} clocks per bit", trimmed(clocks));
    }
    if let Some(clock) = speed.max_clock {
        text += &format!(", at most {} MHz", trimmed(f64::from(clock) / 1e6));
        if let Some(rate) = speed.bits_per_second(clock) {
            text += &format!(", then {rate:.0} bit/s");
        }
    }
    text
}

fn specific(protocol: Option<u8>) -> String {
    match protocol {
        Some(protocol) => format!("specific to T={protocol}"),
        None => "global".to_owned(),
    }
}

fn count(number: impl Into<u16>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// At most three decimals, without trailing zeros.
fn trimmed(number: f64) -> String {
    format!("{number:.3}")
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

struct Lines(Vec<AtrLine>);

impl Lines {
    fn push(&mut self, name: &str, value: String, meaning: String) {
        self.0.push(AtrLine {
            name: name.to_owned(),
            value,
            meaning,
        });
    }

    fn byte(&mut self, name: &str, value: u8, meaning: impl Into<String>) {
        self.push(name, format!("{value:02X}"), meaning.into());
    }
}
