use iso7816::LinkError;

use super::{
    Check, Drivers, Evidence, Finding, PortState, PortUse, Reach, ServiceState, UsbReader, Verdict,
    Wanted,
};
use crate::listing::{CardState, ReaderInfo};
use crate::name::{choose, is_any};

/// Judges what was seen, for a station that wants these readers, or for no station in particular.
#[must_use]
pub fn examine(evidence: &Evidence, wanted: &[Wanted]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let pattern = wanted.iter().find_map(|wanted| match wanted {
        Wanted::Pcsc(pattern) => Some(pattern.as_str()),
        Wanted::Serial(_) => None,
    });
    // A station whose reader is on a serial port does without the service.
    let needs_service = wanted.is_empty() || pattern.is_some();
    if needs_service {
        findings.push(service(&evidence.service));
        if let Some(drivers) = &evidence.drivers {
            findings.extend(self::drivers(drivers));
        }
        if evidence.service == ServiceState::Answers {
            findings.push(readers(&evidence.readers, evidence.drivers.as_ref()));
            findings.extend(pattern.map(|pattern| pairing(pattern, &evidence.readers)));
            findings.extend(cards(pattern, &evidence.readers));
        }
    }
    findings.extend(evidence.port.as_ref().map(port));
    findings.sort_by_key(|finding| finding.check);
    findings
}

fn good(check: Check, found: impl Into<String>) -> Finding {
    Finding {
        check,
        verdict: Verdict::Ok,
        found: found.into(),
        next: None,
    }
}

fn warning(check: Check, found: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        check,
        verdict: Verdict::Warning,
        found: found.into(),
        next: Some(next.into()),
    }
}

fn problem(check: Check, found: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        verdict: Verdict::Problem,
        ..warning(check, found, next)
    }
}

fn service(state: &ServiceState) -> Finding {
    let check = Check::Service;
    match state {
        ServiceState::Answers => good(check, "the smart card service answers"),
        ServiceState::Denied => problem(
            check,
            "the smart card service does not let this user in",
            "allow this user the actions `org.debian.pcsc-lite.access_pcsc` and \
             `org.debian.pcsc-lite.access_card` by a polkit rule, or work at the machine itself",
        ),
        ServiceState::Failed(words) => problem(
            check,
            format!("the smart card service answers with an error: {words}"),
            "start the service anew",
        ),
        ServiceState::Unreachable(reach) => {
            let (found, next) = match reach {
                Reach::NoSocket => (
                    "the smart card service does not run",
                    "install it if it is missing (Debian: `apt install pcscd`) and start it: \
                     `systemctl start pcscd.socket`",
                ),
                Reach::NobodyListens => (
                    "the smart card service has ended and left its socket behind",
                    "start it: `systemctl start pcscd`",
                ),
                Reach::SocketDenied => (
                    "the socket of the smart card service may not be opened by this user",
                    "give this user the right to open `/run/pcscd/pcscd.comm`",
                ),
                Reach::SocketOpen => (
                    "the smart card service takes connections and does not answer",
                    "start it anew: `systemctl restart pcscd`",
                ),
                Reach::Unknown => (
                    "the smart card service does not run",
                    "start it (Windows: the service `SCardSvr`, Smart Card)",
                ),
            };
            problem(check, found, next)
        }
    }
}

fn drivers(drivers: &Drivers) -> Vec<Finding> {
    let check = Check::Drivers;
    if drivers.installed.is_empty() {
        return vec![if drivers.attached.is_empty() {
            warning(
                check,
                "no driver for USB readers is installed",
                "install one before a reader is plugged in (Debian: `apt install libccid`)",
            )
        } else {
            problem(
                check,
                format!(
                    "no driver for USB readers is installed, and plugged in: {}",
                    list(&drivers.attached)
                ),
                "install one (Debian: `apt install libccid`)",
            )
        }];
    }
    let is_served = |reader: &UsbReader| {
        let ids = (reader.vendor, reader.product);
        drivers
            .installed
            .iter()
            .any(|driver| driver.serves.contains(&ids))
    };
    let left: Vec<Finding> = drivers
        .attached
        .iter()
        .filter(|reader| !is_served(reader))
        .map(|reader| {
            problem(
                check,
                format!("no installed driver is for reader {}", named(reader)),
                "install the driver of its maker, or a newer libccid",
            )
        })
        .collect();
    if !left.is_empty() {
        return left;
    }
    let installed: Vec<String> = drivers
        .installed
        .iter()
        .map(|driver| {
            format!("{} {}", driver.name, driver.version)
                .trim()
                .to_owned()
        })
        .collect();
    let attached = match &drivers.attached[..] {
        [] => "no USB reader is plugged in".to_owned(),
        attached => format!("it serves {}", list(attached)),
    };
    vec![good(
        check,
        format!("installed: {}; {attached}", installed.join(", ")),
    )]
}

fn readers(readers: &[ReaderInfo], drivers: Option<&Drivers>) -> Finding {
    let check = Check::Readers;
    let attached = drivers.map_or(&[][..], |drivers| &drivers.attached);
    match (readers, attached) {
        ([], []) => problem(
            check,
            "there is no reader",
            "plug one in; if there is one, try another cable or port",
        ),
        ([], attached) => problem(
            check,
            format!(
                "plugged in, but not offered by the smart card service: {}",
                list(attached)
            ),
            "start the service anew (Linux: `systemctl restart pcscd`); a virtual machine must be \
             given the reader, and another program may have taken it",
        ),
        (readers, _) => {
            let names: Vec<&str> = readers.iter().map(|reader| reader.name.as_str()).collect();
            good(check, names.join(", "))
        }
    }
}

fn pairing(pattern: &str, readers: &[ReaderInfo]) -> Finding {
    let check = Check::Pairing;
    let names: Vec<String> = readers.iter().map(|reader| reader.name.clone()).collect();
    match choose(pattern, &names) {
        Ok(name) => good(check, format!("`pcsc:{pattern}` is reader `{name}`")),
        Err(LinkError::Ambiguous { fitting, .. }) if is_any(pattern) => warning(
            check,
            format!(
                "the station names no reader, and there are {}: the one with a card in it is used",
                fitting.len()
            ),
            format!("name one in the station file: {}", fitting.join(", ")),
        ),
        Err(LinkError::Ambiguous { fitting, .. }) => problem(
            check,
            format!("`pcsc:{pattern}` fits {} readers", fitting.len()),
            format!("name one of them in full: {}", fitting.join(", ")),
        ),
        Err(_) => problem(
            check,
            format!("`pcsc:{pattern}` fits no reader"),
            match &names[..] {
                [] => "plug the reader in".to_owned(),
                names => format!(
                    "plug the reader in, or name one there is: {}",
                    names.join(", ")
                ),
            },
        ),
    }
}

fn cards(pattern: Option<&str>, readers: &[ReaderInfo]) -> Vec<Finding> {
    let check = Check::Cards;
    let names: Vec<String> = readers.iter().map(|reader| reader.name.clone()).collect();
    let paired = pattern.and_then(|pattern| choose(pattern, &names).ok());
    let with_card: Vec<&ReaderInfo> = readers
        .iter()
        .filter(|reader| paired.as_ref().is_none_or(|name| *name == reader.name))
        .filter(|reader| reader.card != CardState::Empty)
        .collect();
    let mut findings: Vec<Finding> = with_card
        .iter()
        .filter_map(|reader| match reader.card {
            CardState::Mute => Some(problem(
                check,
                format!("the card in `{}` does not answer to reset", reader.name),
                "clean the contacts, check that the chip faces the right way, try another card",
            )),
            CardState::InUse { .. } => Some(warning(
                check,
                format!("the card in `{}` is in use by another program", reader.name),
                "close the other program before a card is written",
            )),
            CardState::Present { .. } | CardState::Empty => None,
        })
        .collect();
    match &with_card[..] {
        [] => findings.push(good(check, "no card is inserted")),
        [_, _, ..] => findings.push(warning(
            check,
            format!("{} readers have a card in them", with_card.len()),
            "name the reader in every command, or take out all cards but one",
        )),
        [only] if findings.is_empty() => {
            findings.push(good(check, format!("the card in `{}` answers", only.name)));
        }
        [_] => {}
    }
    findings
}

fn port(port: &PortState) -> Finding {
    let check = Check::SerialPort;
    let path = &port.path;
    match &port.use_of_it {
        PortUse::Opens => good(check, format!("`{path}` can be opened")),
        PortUse::Missing { present } => problem(
            check,
            format!("there is no serial port `{path}`"),
            match &present[..] {
                [] => {
                    "plug the device or its adapter in; no serial port is there at all".to_owned()
                }
                present => format!(
                    "plug the device in, or name a port there is: {}",
                    present.join(", ")
                ),
            },
        ),
        PortUse::Denied { group, joined } => problem(
            check,
            format!("`{path}` may not be opened by this user"),
            match (group, joined) {
                (Some(group), true) => {
                    format!(
                        "log out and in again: the user has been put into group `{group}` since"
                    )
                }
                (Some(group), false) => format!(
                    "put the user into group `{group}` (`sudo usermod -aG {group} $USER`) and log \
                     in again"
                ),
                (None, _) => "give this user the right to use the port".to_owned(),
            },
        ),
        PortUse::Busy => warning(
            check,
            format!("`{path}` is in use by another program"),
            "close the other program; only one can talk to the device",
        ),
        PortUse::Failed(words) => problem(
            check,
            format!("`{path}` cannot be opened: {words}"),
            "check that the path is that of a serial port",
        ),
    }
}

fn named(reader: &UsbReader) -> String {
    let UsbReader {
        vendor,
        product,
        name,
    } = reader;
    format!("`{name}` ({vendor:04x}:{product:04x})")
}

fn list(readers: &[UsbReader]) -> String {
    let readers: Vec<String> = readers.iter().map(named).collect();
    readers.join(", ")
}

#[cfg(test)]
mod tests;
