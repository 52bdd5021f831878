//! Secure messaging of a PIV card: OPACITY ZKM with cipher suites CS2 and CS7
//! (SP 800-73-5 Part 2, section 4).
//!
//! [`HostEphemeral`] builds the one command of key establishment and turns the card's response
//! into a [`Session`], which protects commands and opens responses. The session knows nothing of
//! links: a [`Channel`](iso7816::Channel) that was given it hands it each command before chaining
//! and each response after GET RESPONSE, through the trait [`iso7816::SecureMessaging`].
//! [`Client::establish_secure_messaging`](crate::Client::establish_secure_messaging) does all of
//! that.
//!
//! Below that are the plain functions the protocol is made of, for tests and for whoever has to
//! find out which of two sides is wrong: [`Agreement`] and [`SessionKeys`] for key derivation,
//! [`message`] for protected commands and responses. Only the card is authenticated, and there is
//! no forward secrecy: who learns the card's static key can read recorded sessions.
//!
//! ```
//! use iso7816::{Channel, Command, Expected, Instruction, Response};
//! use piv::cvc::Signer;
//! use piv::secure_messaging::{CipherSuite, HostEphemeral};
//!
//! fn read_chuid(
//!     channel: &mut Channel,
//!     signer: &Signer,
//! ) -> Result<Response, Box<dyn std::error::Error>> {
//!     let host = HostEphemeral::generate(CipherSuite::Cs2, &ground::System::shared());
//!     let response = channel.transmit(&host.command())?;
//!     let session = host.establish(&response, Some(signer))?.session;
//!     channel.begin_secure_messaging(Box::new(session));
//!
//!     let get_data = Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
//!         .with_data([0x5C, 0x03, 0x5F, 0xC1, 0x02])
//!         .with_expected(Expected::SHORT_MAX);
//!     Ok(channel.transmit(&get_data)?)
//! }
//! ```

mod agreement;
mod error;
mod establishment;
mod key;
pub mod message;
mod session;
mod suite;
#[cfg(test)]
mod test_card;

pub use agreement::{Agreement, SessionKeys, SharedSecret, card_identifier};
pub use error::{EstablishmentError, SmError};
pub use establishment::{Established, HostEphemeral};
pub use key::{Block, SessionKey};
pub use session::{Session, SessionState};
pub use suite::CipherSuite;
