use crate::inventory::Machine;
use crate::register::{Apart, Client, Register};
use crate::words::{names, plain, shown};

/// Which client of the register a row has.
pub(super) enum Found<'r> {
    /// This one.
    Known(&'r Client),
    /// The row does not say.
    NotStated,
    /// It cannot be told; says why and what to do.
    Unclear(String, String),
}

/// The client of a row, and the clients on it that do not go together.
pub(super) fn of_machine<'r>(
    register: &'r Register,
    machine: &Machine,
) -> (Found<'r>, Vec<&'r Apart>) {
    let Some(written) = &machine.client else {
        return (Found::NotStated, Vec::new());
    };
    let words = plain(written);
    let named: Vec<&Client> = register
        .clients
        .iter()
        .filter(|client| names(&words, &client.phrases.0))
        .collect();
    let both = |apart: &&Apart| {
        let here = |id: &String| named.iter().any(|client| client.id == *id);
        apart.clients.iter().filter(|id| here(id)).count() > 1
    };
    let apart = register.apart.iter().filter(both).collect();
    (one_of(&named, written, machine), apart)
}

fn one_of<'r>(named: &[&'r Client], written: &str, machine: &Machine) -> Found<'r> {
    let version = machine.client_version.as_ref();
    let fits = |client: &&&Client| match (&client.exactly, &client.below, version) {
        (None, None, _) => true,
        (Some(exactly), _, Some(version)) => version == exactly,
        (_, Some(below), Some(version)) => version < below,
        (_, _, None) => false,
    };
    let depends = |client: &&Client| client.exactly.is_some() || client.below.is_some();
    let first_depends = named.first().is_some_and(depends);
    if named.is_empty() {
        return Found::Unclear(
            format!("`{}` is no client the register knows", shown(written)),
            "name the client, or add it to a register of your own".to_owned(),
        );
    }
    // What depends on a version must not be passed over because the version is not stated.
    if first_depends && version.is_none() {
        let all: Vec<&str> = named
            .iter()
            .map(|client| client.name.value.as_str())
            .collect();
        return Found::Unclear(
            format!(
                "the version of the client is not stated: {} differ",
                all.join(" and ")
            ),
            "state the version of the client".to_owned(),
        );
    }
    match named.iter().find(fits) {
        Some(client) => Found::Known(client),
        None => Found::Unclear(
            format!(
                "the register knows no {} {}",
                shown(written),
                version.map_or(String::new(), ToString::to_string)
            ),
            "check the version, or add it to a register of your own".to_owned(),
        ),
    }
}
