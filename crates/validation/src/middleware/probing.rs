use iso7816::{Command, Response};
use series::Certainty;

use super::{Middleware, Probe, ProbeInterface, StatusPattern};
use crate::report::Affected;
use crate::{Bench, Evidence, Judgement, ValidationError, Verdict};

/// A probe of one client, ready to be sent.
pub(crate) struct Probing<'a> {
    /// `client.` and the ids of client and probe.
    pub(crate) id: String,
    pub(crate) probe: &'a Probe,
    middleware: &'a Middleware,
}

/// The probes of all clients, in order.
pub(crate) fn probings(all: &[Middleware]) -> impl Iterator<Item = Probing<'_>> {
    all.iter().flat_map(|middleware| {
        middleware.probes.iter().map(move |probe| Probing {
            id: format!("client.{}.{}", middleware.id, probe.id),
            probe,
            middleware,
        })
    })
}

impl Probing<'_> {
    /// Where it is known from.
    pub(crate) fn clause(&self) -> String {
        format!("{} ({})", self.probe.source, self.probe.certainty)
    }

    /// Who trips over it.
    pub(crate) fn affected(&self) -> Affected {
        Affected {
            client: self.middleware.client.clone(),
            consequence: self.probe.consequence.clone(),
        }
    }

    /// Why it says nothing about this card, if so.
    pub(crate) fn obstacle(&self, evidence: &Evidence) -> Option<&'static str> {
        match (self.probe.interface, evidence.is_contactless()) {
            (Some(ProbeInterface::Contact), true) => Some("it is sent over the contacts only"),
            (Some(ProbeInterface::Contactless), false) => Some("it is sent without contact only"),
            _ => None,
        }
    }

    /// The commands, which tell probes that need not be sent twice.
    pub(crate) fn commands(&self) -> &[Command] {
        &self.probe.send
    }

    /// Sends the commands. The answer to the last one.
    pub(crate) fn send(&self, bench: &mut Bench<'_>) -> Result<Response, ValidationError> {
        let mut last = None;
        for command in &self.probe.send {
            last = Some(bench.transmit(command)?);
        }
        Ok(last.expect("a probe has at least one command"))
    }

    /// What the answer means to the client.
    pub(crate) fn judge(&self, response: &Response) -> Judgement {
        let status = response.status;
        if StatusPattern::allow(&self.probe.expect, status) {
            return Judgement::pass();
        }
        let verdict = match self.probe.certainty {
            Certainty::Public => Verdict::Fail,
            Certainty::Inferred | Certainty::Unknown => Verdict::Warning,
        };
        Judgement {
            verdict,
            ..Judgement::fail(
                format!("answered with {}", StatusPattern::list(&self.probe.expect)),
                format!("answered with {status}"),
            )
        }
    }
}
