//! The PIV card application of NIST SP 800-73.
//!
//! [`words`] holds what both sides of the card edge speak: object tags, key references and
//! algorithm identifiers. Everything else is the host's side.

pub mod words;
