//! Lists the readers; with a reader's name or a part of it, waits ten seconds for a card, resets
//! it and explains its answer to reset.

use std::error::Error;
use std::time::Duration;

use iso7816::{Atr, Disposition, Reader, Reset};
use readers::{PcscReader, Sharing};

fn main() -> Result<(), Box<dyn Error>> {
    for reader in readers::list()? {
        println!("pcsc:{}: {:?}", reader.name, reader.card);
    }
    let Some(asked) = std::env::args().nth(1) else {
        return Ok(());
    };
    let mut reader =
        PcscReader::open(&asked, ground::System::shared())?.with_sharing(Sharing::Shared);
    let mut link = reader.connect(Duration::from_secs(10))?;
    link.lock()?;
    link.reset(Reset::Cold)?;
    println!("{} in {}", link.name(), link.protocol());
    for line in Atr::parse(link.atr())?.explain() {
        println!("{:>14} {:<32} {}", line.name, line.value, line.meaning);
    }
    link.unlock()?;
    link.disconnect(Disposition::PowerOff)?;
    Ok(())
}
