//! What a card makes of command TPDUs over T=0 (ISO/IEC 7816-3, 10.3 and 12.2): a header of five
//! bytes, of which the last, P3, is Lc or Le, and never both. A case-4 command comes without Le
//! and gets 61XX; a P3 that asks for another length than there is gets 6CXX, and the command sent
//! again with the right one gets what was there, without being carried out a second time: this is
//! how a Java Card does it (Runtime Environment Specification 3.0.5, 9.4), and SELECT of the
//! parent would go up twice otherwise. Extended length does not exist.

use iso7816::{Command, Expected, StatusWord};

use super::{Endpoint, hand_out, is_get_response};
use crate::card::session::Stop;

/// Le 00 and the most that comes in one piece.
const SHORT_MAX: usize = 256;

pub(super) fn respond(card: &mut impl Endpoint, tpdu: &[u8]) -> Result<Vec<u8>, Stop> {
    // Any other command makes the card forget it.
    let kept_back = card.exchange().kept_back.take();
    let Some((&[class, instruction, p1, p2, p3], body)) = tpdu.split_first_chunk() else {
        // Drivers send a case-1 command without P3, too.
        return super::respond(card, tpdu, None);
    };
    if !body.is_empty() {
        // A Le behind the data is one byte too many.
        let fits = body.len() == usize::from(p3);
        return super::respond(card, if fits { tpdu } else { &[] }, None);
    }
    let asked = match p3 {
        0 => SHORT_MAX,
        le => usize::from(le),
    };
    let command = Command::parse(tpdu);
    let chunk = usize::from(card.carrier().response_chunk);
    if command.as_ref().is_ok_and(is_get_response)
        && let Some(pending) = &card.exchange().pending
    {
        let there = pending.data.len() - pending.given;
        let most = there.min(chunk);
        return match asked > most {
            true => Ok(wrong_length(most)),
            false => super::respond(card, tpdu, None),
        };
    }
    // Case 1 or 2, which only its outcome tells: P3 is 00 or Le.
    let header = [class, instruction, p1, p2];
    let asked_for = Some(Expected::from_short(p3));
    let pending = match kept_back {
        Some((of, pending)) if of == header => pending,
        _ => {
            let answer = super::respond(card, &header, asked_for)?;
            match card.exchange().pending.take() {
                None => return Ok(answer),
                Some(pending) => pending,
            }
        }
    };
    let right = pending.data.len().min(SHORT_MAX);
    if asked != right {
        card.exchange().kept_back = Some((header, pending));
        return Ok(wrong_length(right));
    }
    Ok(hand_out(card, pending, asked_for, false))
}

/// 6CXX: send the command again with this Le.
fn wrong_length(right: usize) -> Vec<u8> {
    StatusWord::exact_length(right).0.to_be_bytes().to_vec()
}
