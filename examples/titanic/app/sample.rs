//! A made table in the shape of the Titanic's passengers: gaps, texts, outliers, and made people.

use std::fmt::Write as _;
use std::path::PathBuf;

use floe::output::write_whole;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Outcome;

/// The sample that the example ships.
pub(crate) const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/titanic/sample.csv");

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the table goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// How many passengers
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,
    /// Which sample of all the possible ones
    #[arg(long, default_value_t = 12)]
    seed: u64,
}

pub(crate) fn run(args: &Args, out: &mut impl std::io::Write) -> Outcome {
    let table = table(args.rows, args.seed);
    write_whole(&args.output, |file| file.write_all(table.as_bytes()))?;
    writeln!(out, "{} passengers in {}", args.rows, args.output.display())?;
    Ok(())
}

const HEADER: &str =
    "PassengerId,Survived,Pclass,Name,Sex,Age,SibSp,Parch,Ticket,Fare,Cabin,Embarked\n";

/// The table as text; the same for the same arguments, everywhere.
pub(crate) fn table(rows: u32, seed: u64) -> String {
    let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
    let mut text = HEADER.to_owned();
    for id in 1..=rows {
        let row = random.passenger(id);
        text.push_str(&row);
    }
    text
}

struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// In [0, 1).
    fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).unwrap_or(0)]
    }

    /// About normal: twelve uniform shares, whose sum has the mean 6 and the deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }

    fn passenger(&mut self, id: u32) -> String {
        let class = match self.below(100) {
            0..24 => 1,
            24..45 => 2,
            _ => 3_u32,
        };
        let woman = self.share() < 0.35;
        let child = self.share() < 0.09;
        let age = if child {
            0.4 + self.share() * 12.0
        } else {
            (42.0 - 5.0 * f64::from(class) + 12.0 * self.normal()).clamp(13.0, 80.0)
        };
        let siblings = match self.below(100) {
            0..68 => 0,
            68..91 => 1,
            91..96 => 2,
            _ => 3 + self.below(3),
        };
        let parents = if child {
            1 + self.below(2)
        } else {
            self.below(5) / 4 * (1 + self.below(2))
        };
        let port = match (class, self.below(100)) {
            (1, 0..40) | (2, 0..9) | (3, 0..13) => "C",
            (3, 13..28) | (_, 98..) => "Q",
            _ => "S",
        };
        let title = match (woman, child) {
            (false, true) => "Master",
            (true, false) if siblings > 0 || self.share() < 0.5 => "Mrs",
            (true, _) => "Miss",
            (false, false) => match self.below(60) {
                0 => "Dr",
                1 => "Rev",
                2 if class == 1 => "Col",
                _ => "Mr",
            },
        };
        let fare = self.fare(class, siblings + parents);
        let deck = self.cabin(class);
        let odds = 1.0 - 0.95 * f64::from(class)
            + if woman { 2.6 } else { 0.0 }
            + if child { 1.6 } else { 0.0 }
            - 0.018 * age
            - 0.35 * siblings as f64
            + if port == "C" { 0.4 } else { 0.0 }
            + if deck.is_empty() { 0.0 } else { 0.5 };
        let survived = u8::from(self.share() < 1.0 / (1.0 + (-odds).exp()));
        let name = self.name(title);
        let ticket = self.ticket();
        // What is not known is empty; more of it in third class.
        let age = if self.share() < 0.1 + 0.05 * f64::from(class) {
            String::new()
        } else if child {
            format!("{age:.2}")
        } else {
            format!("{age:.0}")
        };
        let port = if self.below(400) == 0 { "" } else { port };
        let sex = if woman { "female" } else { "male" };
        let mut row = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            row,
            "{id},{survived},{class},\"{name}\",{sex},{age},{siblings},{parents},{ticket},{fare},{deck},{port}"
        );
        row
    }

    /// Mostly cheap, some dear, a few hundreds of times as dear as others.
    fn fare(&mut self, class: u32, company: u64) -> String {
        let usual = [60.0, 16.0, 8.5][class as usize - 1];
        let spread = [0.7, 0.35, 0.3][class as usize - 1];
        let mut fare = usual * (spread * self.normal()).exp() * (1.0 + 0.45 * company as f64);
        match self.below(150) {
            0 => fare = 0.0,
            1 if class == 1 => fare *= 6.0,
            _ => {}
        }
        format!("{:.4}", (fare * 16.0).round() / 16.0)
    }

    fn cabin(&mut self, class: u32) -> String {
        let known = [75, 8, 3][class as usize - 1];
        if self.below(100) >= known {
            return String::new();
        }
        let deck = self.pick(match class {
            1 => &["A", "B", "B", "C", "C", "C", "D", "E"],
            2 => &["D", "E", "F"],
            _ => &["E", "F", "G"],
        });
        format!("{deck}{}", 1 + self.below(120))
    }

    fn ticket(&mut self) -> String {
        let number = 1000 + self.below(350_000);
        match self.below(5) {
            0 => format!(
                "{} {number}",
                self.pick(&["PC", "A/5", "C.A.", "SC", "W./C."])
            ),
            _ => number.to_string(),
        }
    }

    /// No real person has a name of these syllables, unless by chance.
    fn name(&mut self, title: &str) -> String {
        let family = self.word();
        let given = self.word();
        if title == "Mrs" && self.below(3) == 0 {
            // Quotes inside a quoted field are doubled.
            let called = self.word();
            return format!("{family}, {title}. {given} (\"\"{called}\"\")");
        }
        format!("{family}, {title}. {given}")
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        for _ in 0..2 + self.below(2) {
            word.push_str(self.pick(&[
                "ba", "del", "fi", "gor", "ha", "jen", "ka", "lo", "mi", "nar", "o", "pe", "ra",
                "sol", "tu", "vin",
            ]));
        }
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect()
    }
}
