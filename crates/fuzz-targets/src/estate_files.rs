//! What a site writes: the inventory of its machines and its own entries of the register.

use std::sync::LazyLock;

use estate::{BurnDown, Register, check_inventory};
use jiff::civil::date;

pub(crate) fn inventory(bytes: &[u8]) {
    static REGISTER: LazyLock<Register> = LazyLock::new(Register::builtin);
    let day = REGISTER.on(date(2026, 11, 1));
    let (mut rows, mut cards) = (0, 0_u64);
    let checked = check_inventory(bytes, day, |row| {
        rows += 1;
        cards = cards.saturating_add(u64::from(row.machine.cards));
        drop(format!("{row:?}"));
    });
    match checked {
        Ok(summary) => {
            assert_eq!(summary.rows, rows, "every row is counted once");
            let _ = BurnDown::of(&summary);
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn register(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Register::with_text("fuzz.toml", text) {
        Ok(register) => {
            let day = register.on(date(2026, 11, 1));
            for series in register.series() {
                for client in register.clients() {
                    for function in estate::Function::ALL {
                        let _ = day.answer(series, client, function);
                    }
                }
            }
            drop(estate::calendar_text(day));
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!error.is_empty(), "an error says what is wrong");
        }
    }
}
