use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::burndown::{BurnDown, Curve, days};

/// Size of the drawing and of the field in it, in units.
const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 600.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 770.0;
const BOTTOM: f64 = 540.0;
/// Where the field begins when no label stands above it.
const TOP: f64 = 84.0;
/// A line of labels.
const LABEL: f64 = 17.0;

const FONT: &str = "Liberation Sans, Arial, Helvetica, sans-serif";
/// Told apart by those who do not see red or green (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

pub(super) struct Drawing<'a> {
    burn_down: &'a BurnDown,
    end: Date,
    most: u64,
    labels: Vec<Label>,
    top: f64,
}

/// The words at a deadline: where they stand.
struct Label {
    x: f64,
    row: usize,
    text: String,
    to_the_left: bool,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(burn_down: &'a BurnDown) -> Self {
        let last = burn_down.deadlines.last().map_or(burn_down.on, |d| d.date);
        let span = days(burn_down.on, last);
        let end = last.saturating_add((span / 20).max(3).days());
        let mut drawing = Self {
            burn_down,
            end,
            most: nice(burn_down.open().max(1)),
            labels: Vec::new(),
            top: TOP,
        };
        drawing.place_labels();
        drawing
    }

    /// Each label in the first row in which it touches no other.
    fn place_labels(&mut self) {
        let mut rows: Vec<Vec<(f64, f64)>> = Vec::new();
        for deadline in &self.burn_down.deadlines {
            let x = self.x(deadline.date);
            let mut lines = deadline.what.clone();
            lines.insert(0, format!("{}: {} due", deadline.date, deadline.due));
            for text in lines {
                let width = 6.4 * text.chars().count() as f64 + 12.0;
                let to_the_left = x + width > WIDTH - 10.0 || x > (LEFT + RIGHT) / 2.0;
                let span = if to_the_left {
                    (x - width, x)
                } else {
                    (x, x + width)
                };
                let free = |row: &Vec<(f64, f64)>| {
                    row.iter().all(|other| span.1 < other.0 || span.0 > other.1)
                };
                let row = rows.iter().position(free).unwrap_or(rows.len());
                if row == rows.len() {
                    rows.push(Vec::new());
                }
                rows[row].push(span);
                self.labels.push(Label {
                    x,
                    row,
                    text,
                    to_the_left,
                });
            }
        }
        self.top = (TOP + LABEL * rows.len() as f64).min(BOTTOM - 200.0);
    }

    fn x(&self, date: Date) -> f64 {
        let whole = f64::from(days(self.burn_down.on, self.end));
        let part = f64::from((date - self.burn_down.on).get_days());
        LEFT + (RIGHT - LEFT) * part / whole
    }

    fn y(&self, quantity: f64) -> f64 {
        BOTTOM - (BOTTOM - self.top) * quantity / self.most as f64
    }

    fn axes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = (self.most / 5).max(1);
        for quantity in (0..=self.most).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let y = self.y(quantity as f64);
            line(f, (LEFT, y), (RIGHT, y), "stroke=\"#dddddd\"")?;
            text(
                f,
                (LEFT - 8.0, y + 4.0),
                "end",
                12,
                "#333333",
                &quantity.to_string(),
            )?;
        }
        let mut month = self.burn_down.on.first_of_month();
        let months = days(self.burn_down.on, self.end) / 30 + 1;
        let every = [1, 2, 3, 6, 12, 24]
            .into_iter()
            .find(|n| months / n <= 8)
            .unwrap_or(60);
        while let Ok(next) = month.checked_add(1.month()) {
            month = next;
            if month > self.end {
                break;
            }
            if (i32::from(month.month()) - 1 + 12 * i32::from(month.year())) % every == 0 {
                let x = self.x(month);
                line(f, (x, BOTTOM), (x, BOTTOM + 5.0), "stroke=\"#333333\"")?;
                let label = month.strftime("%b %Y").to_string();
                text(f, (x, BOTTOM + 20.0), "middle", 12, "#333333", &label)?;
            }
        }
        line(f, (LEFT, BOTTOM), (RIGHT, BOTTOM), "stroke=\"#333333\"")?;
        line(f, (LEFT, self.top), (LEFT, BOTTOM), "stroke=\"#333333\"")?;
        let middle = (self.top + BOTTOM) / 2.0;
        writeln!(
            f,
            "<text transform=\"translate(20 {middle:.1}) rotate(-90)\" text-anchor=\"middle\" \
             font-size=\"13\" fill=\"#333333\">cards and machines left</text>"
        )
    }

    fn deadlines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label_top = |row: usize| self.top - 8.0 - LABEL * row as f64;
        for deadline in &self.burn_down.deadlines {
            let x = self.x(deadline.date);
            let of_line = self.labels.iter().filter(|label| label.x == x);
            let highest = of_line.map(|label| label.row).max().unwrap_or(0);
            let style = "stroke=\"#888888\" stroke-width=\"1.5\"";
            line(f, (x, label_top(highest) - 10.0), (x, BOTTOM), style)?;
        }
        for label in &self.labels {
            let (x, anchor) = if label.to_the_left {
                (label.x - 5.0, "end")
            } else {
                (label.x + 5.0, "start")
            };
            text(
                f,
                (x, label_top(label.row)),
                anchor,
                12,
                "#333333",
                &label.text,
            )?;
        }
        Ok(())
    }

    fn curve(&self, f: &mut fmt::Formatter<'_>, curve: &Curve, colour: &str) -> fmt::Result {
        let mut level = curve.open;
        write!(
            f,
            "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"3\" d=\"M{LEFT:.1} {:.1}",
            self.y(level as f64)
        )?;
        for &(date, left) in &curve.steps {
            write!(f, "H{:.1}", self.x(date))?;
            level = left;
            write!(f, "V{:.1}", self.y(level as f64))?;
        }
        writeln!(f, "H{RIGHT:.1}\"/>")
    }

    fn pace(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(pace) = self.burn_down.pace_a_week.filter(|&pace| pace > 0.0) else {
            return Ok(());
        };
        let open = self.burn_down.open() as f64;
        let whole = f64::from(days(self.burn_down.on, self.end));
        let zero = LEFT + (RIGHT - LEFT) * (open / pace * 7.0) / whole;
        let style = "stroke=\"#000000\" stroke-width=\"2\" stroke-dasharray=\"7 5\"";
        line(f, (LEFT, self.y(open)), (zero, BOTTOM), style)
    }

    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let x = RIGHT + 25.0;
        let mut y = self.top + 6.0;
        for (curve, colour) in self.burn_down.curves.iter().zip(COLOURS) {
            let style = format!("stroke=\"{colour}\" stroke-width=\"3\"");
            line(f, (x, y), (x + 26.0, y), &style)?;
            text(
                f,
                (x + 34.0, y + 4.0),
                "start",
                13,
                "#000000",
                curve.thing.words(),
            )?;
            let mut counts = format!("{} to replace", curve.open);
            if curve.undated > 0 {
                counts.push_str(&format!(", {} without a date", curve.undated));
            }
            text(f, (x + 34.0, y + 21.0), "start", 12, "#333333", &counts)?;
            y += 21.0;
            if curve.overdue > 0 {
                let overdue = format!("{} overdue", curve.overdue);
                text(f, (x + 34.0, y + 17.0), "start", 12, "#b00000", &overdue)?;
                y += 17.0;
            }
            y += 26.0;
        }
        if let Some(pace) = self.burn_down.pace_a_week.filter(|&pace| pace > 0.0) {
            let style = "stroke=\"#000000\" stroke-width=\"2\" stroke-dasharray=\"7 5\"";
            line(f, (x, y), (x + 26.0, y), style)?;
            text(
                f,
                (x + 34.0, y + 4.0),
                "start",
                13,
                "#000000",
                "pace that meets every date",
            )?;
            let pace = format!("{pace:.1} things a week, all kinds");
            text(f, (x + 34.0, y + 21.0), "start", 12, "#333333", &pace)?;
        }
        Ok(())
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"{FONT}\">"
        )?;
        writeln!(
            f,
            "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>"
        )?;
        let title = format!("What remains to be replaced, from {}", self.burn_down.on);
        text(f, (LEFT, 32.0), "start", 20, "#000000", &title)?;
        let (open, overdue) = (self.burn_down.open(), self.burn_down.overdue());
        let under = match self.burn_down.deadlines.is_empty() {
            true => format!("no deadline is to come; {overdue} overdue"),
            false => format!("{open} before a deadline, {overdue} overdue"),
        };
        text(f, (LEFT, 54.0), "start", 14, "#333333", &under)?;
        self.axes(f)?;
        self.deadlines(f)?;
        for (curve, colour) in self.burn_down.curves.iter().zip(COLOURS) {
            if curve.open > 0 {
                self.curve(f, curve, colour)?;
            }
        }
        self.pace(f)?;
        self.legend(f)?;
        f.write_str("</svg>\n")
    }
}

fn line(f: &mut fmt::Formatter<'_>, from: (f64, f64), to: (f64, f64), style: &str) -> fmt::Result {
    writeln!(
        f,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>",
        from.0, from.1, to.0, to.1
    )
}

fn text(
    f: &mut fmt::Formatter<'_>,
    at: (f64, f64),
    anchor: &str,
    size: u32,
    colour: &str,
    words: &str,
) -> fmt::Result {
    write!(
        f,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" \
         fill=\"{colour}\" stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\">",
        at.0, at.1
    )?;
    for c in words.chars() {
        match c {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            // XML has no such characters; a register could.
            c if c.is_control() => f.write_str(" ")?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("</text>\n")
}

/// The next of 5, 10, 20, 50, 100 … that is not below.
fn nice(quantity: u64) -> u64 {
    let mut scale = 5_u64;
    loop {
        for factor in [1, 2, 4, 5, 6, 8, 10] {
            let candidate = scale.saturating_mul(factor);
            if candidate >= quantity {
                return candidate;
            }
        }
        scale = scale.saturating_mul(10);
    }
}
