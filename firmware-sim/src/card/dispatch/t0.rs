//! What a card makes of command TPDUs over T=0 (ISO/IEC 7816-3, 10.3 and 12.2): a header of five
//! bytes, of which the last, P3, is Lc or Le, and never both. A case-4 command comes without Le
//! and gets 61XX; a P3 that asks for another length than there is gets 6CXX; extended length
//! does not exist.

use iso7816::{Command, Expected, StatusWord};

use super::is_get_response;
use crate::card::PivChip;
use crate::card::session::{Pending, Stop};

/// Le 00 and the most that comes in one piece.
const SHORT_MAX: usize = 256;

impl PivChip {
    pub(super) fn respond_over_t0(&mut self, tpdu: &[u8]) -> Result<Vec<u8>, Stop> {
        let Some((&[class, instruction, p1, p2, p3], body)) = tpdu.split_first_chunk() else {
            // Drivers send a case-1 command without P3, too.
            return self.respond(tpdu);
        };
        if !body.is_empty() {
            // A Le behind the data is one byte too many.
            let fits = body.len() == usize::from(p3);
            return self.respond(if fits { tpdu } else { &[] });
        }
        let asked = match p3 {
            0 => SHORT_MAX,
            le => usize::from(le),
        };
        let command = Command::parse(tpdu);
        if command.as_ref().is_ok_and(is_get_response)
            && let Some(pending) = &self.session.pending
        {
            let there = pending.data.len() - pending.given;
            let most = there.min(usize::from(self.model.transport.response_chunk));
            return match asked > most {
                true => Ok(wrong_length(most)),
                false => self.respond(tpdu),
            };
        }
        // Case 1 or 2, which only its outcome tells: P3 is 00 or Le.
        let answer = self.respond(&[class, instruction, p1, p2])?;
        match self.session.pending.take() {
            None => Ok(answer),
            Some(Pending { data, .. }) if asked != data.len().min(SHORT_MAX) => {
                Ok(wrong_length(data.len().min(SHORT_MAX)))
            }
            Some(pending) => Ok(self.hand_out(pending, Some(Expected::from_short(p3)), false)),
        }
    }
}

/// 6CXX: send the command again with this Le.
fn wrong_length(right: usize) -> Vec<u8> {
    StatusWord::exact_length(right).0.to_be_bytes().to_vec()
}
