//! A card with power, at the end of the reader's line: PPS, T=0 and T=1 around the chip.

use std::sync::Arc;
use std::time::Duration;

use iso7816::atr::ErrorDetection;
use iso7816::block::{DEFAULT_INFORMATION, PPS1_PRESENT, PPSS};
use iso7816::{Atr, Protocol};

use super::block::{BlockSide, Turn};
use super::work::{Waited, Work};
use crate::contacts::Hold;

/// Fi and Di where nothing else is agreed.
pub(super) const DEFAULT_SPEED: u8 = 0x11;

/// What comes back from the card.
pub(super) enum Says {
    Bytes(Vec<u8>),
    /// T=0: one byte that says it takes longer.
    Wait,
    /// Nothing at all.
    Nothing,
}

pub(super) struct PoweredCard {
    hold: Arc<Hold>,
    atr: Vec<u8>,
    protocol: Protocol,
    /// TA1, where protocol and speed may be chosen.
    negotiable: Option<u8>,
    /// Fi and Di the card uses now.
    speed: u8,
    /// Nothing was sent since the reset.
    fresh: bool,
    blocks: BlockSide,
    work: Option<Work>,
    /// How many more waits the next command brings than it needs.
    pretend: u32,
}

impl PoweredCard {
    /// Powers the chip up; nothing for one that gives no answer to reset.
    pub(super) fn power_up(hold: Arc<Hold>) -> Option<Self> {
        let (atr, protocol) = hold.with_chip(|chip| {
            let atr = chip.power_on();
            (atr, chip.protocol())
        })?;
        let parsed = Atr::parse(&atr).ok()?;
        let offers = parsed.block_protocol();
        let announced = parsed.groups[0].ta;
        let specific = parsed.specific_mode();
        Some(Self {
            hold,
            protocol,
            negotiable: specific
                .is_none()
                .then(|| announced.unwrap_or(DEFAULT_SPEED)),
            speed: match specific {
                Some(mode) if !mode.implicit_speed => announced.unwrap_or(DEFAULT_SPEED),
                _ => DEFAULT_SPEED,
            },
            fresh: true,
            blocks: BlockSide::new(
                offers.map_or(ErrorDetection::Lrc, |block| block.error_detection),
                offers.map_or(DEFAULT_INFORMATION, |block| block.information_field_size),
            ),
            work: None,
            pretend: 0,
            atr,
        })
    }

    /// Resets the chip without taking its power away.
    pub(super) fn reset(self) -> Option<Self> {
        Self::power_up(self.hold)
    }

    pub(super) fn power_off(self) {
        // A chip that has left is off already.
        let _ = self.hold.with_chip(|chip| chip.power_off());
    }

    pub(super) fn atr(&self) -> &[u8] {
        &self.atr
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn speed(&self) -> u8 {
        self.speed
    }

    pub(super) fn pretend(&mut self, waits: u32) {
        self.pretend = waits;
    }

    /// Takes what the reader sends. The card says within `patience` that it takes longer.
    pub(super) fn take(&mut self, bytes: &[u8], patience: Duration) -> Says {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh && bytes.first() == Some(&PPSS) {
            return self.select_parameters(bytes);
        }
        match self.protocol {
            Protocol::T0 => {
                self.start(bytes.to_vec());
                self.go_on(patience)
            }
            Protocol::T1 => match self.blocks.take(bytes) {
                Turn::Answer(block) => Says::Bytes(block),
                Turn::Carry(command) => {
                    self.start(command);
                    self.go_on(patience)
                }
                Turn::GoOn => self.go_on(patience),
            },
        }
    }

    /// Waits on for the command under way.
    pub(super) fn go_on(&mut self, patience: Duration) -> Says {
        let Some(work) = &mut self.work else {
            return Says::Nothing;
        };
        match (work.wait(patience), self.protocol) {
            (Waited::StillAtIt, Protocol::T0) => Says::Wait,
            (Waited::StillAtIt, Protocol::T1) => Says::Bytes(self.blocks.need_time(1)),
            (Waited::Done(answer), protocol) => {
                self.work = None;
                match (answer, protocol) {
                    (None, _) => Says::Nothing,
                    (Some(answer), Protocol::T0) => Says::Bytes(answer),
                    (Some(answer), Protocol::T1) => Says::Bytes(self.blocks.respond(answer)),
                }
            }
        }
    }

    fn start(&mut self, command: Vec<u8>) {
        let pretend = std::mem::take(&mut self.pretend);
        self.work = Some(Work::start(&self.hold, command, pretend));
    }

    /// ISO/IEC 7816-3, 9.2: agrees to its own protocol, and to any speed up to the announced one.
    fn select_parameters(&mut self, bytes: &[u8]) -> Says {
        let Some(ta1) = self.negotiable else {
            return Says::Nothing;
        };
        let own = match self.protocol {
            Protocol::T0 => 0,
            Protocol::T1 => 1,
        };
        let mut sum = 0;
        bytes.iter().for_each(|byte| sum ^= byte);
        match *bytes {
            _ if sum != 0 => Says::Nothing,
            [PPSS, format, _] if format == own => Says::Bytes(bytes.to_vec()),
            [PPSS, format, speed, _] if format == own | PPS1_PRESENT => {
                if speed >> 4 == ta1 >> 4 && (1..=ta1 & 0x0F).contains(&(speed & 0x0F)) {
                    self.speed = speed;
                    return Says::Bytes(bytes.to_vec());
                }
                Says::Bytes(vec![PPSS, own, PPSS ^ own])
            }
            _ => Says::Nothing,
        }
    }
}
