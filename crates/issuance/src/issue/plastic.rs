//! Where the plastic is.

use face::Rendered;
use printers::{CardPosition, Job, Printer, PrinterError};

/// What is sent to the printer for a face.
pub(super) fn job(face: &Rendered, printer: &dyn Printer) -> Job {
    Job {
        front: Some(face.separation.clone()),
        overcoat: printer.capabilities().overcoat,
        ..Job::default()
    }
}

/// Gets whatever card is inside out of the printer, into the reject tray if there is one. Returns
/// where it is now.
pub(super) fn clear_printer(printer: &mut dyn Printer) -> Result<String, PrinterError> {
    let card = printer.status()?.card;
    if card == CardPosition::None {
        return Ok("no card in the printer".to_owned());
    }
    if printer.capabilities().reject_tray {
        printer.reject()?;
        Ok("in the reject tray".to_owned())
    } else {
        printer.eject()?;
        Ok(match card {
            // A printer that has just been opened may not say whether it holds one.
            CardPosition::Unknown => "if it was fed, it is in the output tray: set it aside",
            _ => "in the output tray: set it aside",
        }
        .to_owned())
    }
}
