//! Prints the calendar of a day, and draws the burn-down of an inventory, for a look at both:
//! `cargo run -p cardwright-estate --example show_calendar -- 2026-02-01 LIST.csv PLOT.png`.

use std::error::Error;
use std::fs::File;

use estate::{BurnDown, Register, calendar_text, check_inventory, to_png};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let on = arguments.next().ok_or("name a day")?.parse()?;
    let register = Register::builtin();
    let day = register.on(on);
    print!("{}", calendar_text(day));
    if let (Some(list), Some(plot)) = (arguments.next(), arguments.next()) {
        let summary = check_inventory(File::open(list)?, day, |_| {})?;
        std::fs::write(plot, to_png(&BurnDown::of(&summary), 1.0)?)?;
    }
    Ok(())
}
