use crate::contacts::Chip;

/// A chip that answers 9000 to anything: what a link and its user cost without a card.
#[derive(Debug)]
pub struct NullChip {
    atr: Vec<u8>,
}

impl NullChip {
    /// Powers up with this answer to reset.
    #[must_use]
    pub fn new(atr: impl Into<Vec<u8>>) -> Self {
        Self { atr: atr.into() }
    }
}

impl Chip for NullChip {
    fn power_on(&mut self) -> Vec<u8> {
        self.atr.clone()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, _command: &[u8]) -> Vec<u8> {
        vec![0x90, 0x00]
    }
}
