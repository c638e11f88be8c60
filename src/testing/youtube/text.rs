//! Titles, names and comments: several scripts, emoji, quotes, lines, and what HTML must escape.

use super::dice::Dice;

const TITLES: &[&str] = &[
    "{} | Official Trailer",
    "{} – behind the scenes & stunts",
    "\"{}\" explained in 10 minutes",
    "I watched {} <in one take>",
    "{} ending: what you've missed",
    "Разбор фильма «{}»: стоит ли смотреть?",
    "{} 完全解説【ネタバレ】",
    "مراجعة فيلم {}",
    "{} की समीक्षा",
    "{} 🎬🔥 reaction 👨‍👩‍👧‍👦",
    "{}: crítica sin spoilers ¿vale la pena?",
    "Score & sound of {} – “the theme”",
];

const COMMENTS: &[&str] = &[
    "Best one so far, no contest",
    "That scene, though! 🔥🔥🔥",
    "I've seen it twice & I'd go again",
    "\"Should you choose to accept it\" gives me chills",
    "who else is here after the premiere?",
    "Overrated. 3/10, but the sound is great",
    "Музыка просто огонь, мурашки по коже",
    "Смотрел в кино, зал аплодировал стоя",
    "何度見ても泣ける😭",
    "このシーンの撮影、命懸けだよね",
    "أفضل فيلم هذا العام ❤️",
    "क्या फिल्म है यार 🙏",
    "Les cascades sont incroyables, chapeau !",
    "¿Soy el único que lloró al final?",
    "1:23:45 <- this cut is insane",
    "First line\nsecond line\n\nand a last one; with, commas",
    "Nobody's talking about the score…",
    "the villain > the hero, change my mind",
    "👨‍👩‍👧‍👦 watched it with the family 🇩🇪",
    "e\u{301}te\u{301} and naïve café: combining marks survive?",
    "A\ttab, a \\ backslash and a \"quote\"",
    "#1",
];

const FIRST: &[&str] = &[
    "quiet",
    "amber",
    "north",
    "paper",
    "silver",
    "lucky",
    "green",
    "late",
    "плёнка",
    "映画",
];
const SECOND: &[&str] = &[
    "otter", "reel", "window", "cinema", "harbor", "comet", "piano", "fox", "кот", "猫",
];
const CHANNELS: &[&str] = &[
    "Trailer House",
    "Reel & Record",
    "Кинозал",
    "映画ノート",
    "Slow Cinema",
    "The Cut",
    "Stunt <Lab>",
];

pub(super) fn title(dice: Dice, topic: &str, number: u32) -> String {
    // The first ones in turn, so that a small world has them all.
    let at = number as usize % TITLES.len();
    let title = TITLES[at].replace("{}", topic);
    match number as usize / TITLES.len() {
        0 => title,
        round => format!("{title} ({})", round + 1 + usize::from(dice.one_in(9))),
    }
}

pub(super) fn description(dice: Dice, topic: &str, channel: &str) -> String {
    let part = dice.below(90) + 1;
    format!(
        "All about {topic}, part {part}.\n\nSubscribe to {channel} → https://example.com/{part}\n\
         Stunts & music: see the chapters below.\n0:00 Intro\n2:17 The jump"
    )
}

pub(super) fn channel(number: u32) -> String {
    let at = number as usize % CHANNELS.len();
    match number as usize / CHANNELS.len() {
        0 => CHANNELS[at].to_owned(),
        round => format!("{} {}", CHANNELS[at], round + 1),
    }
}

/// A handle, as YouTube shows authors nowadays.
pub(super) fn author(dice: Dice) -> String {
    let (first, second) = (dice.of(1).one_of(FIRST), dice.of(2).one_of(SECOND));
    format!("@{first}{second}{}", dice.of(3).below(10_000))
}

pub(super) fn comment(dice: Dice, edited: bool) -> String {
    let mut text = dice.of(1).one_of(COMMENTS).to_owned();
    for more in 0..dice.of(2).heavy(12) {
        text.push(' ');
        text.push_str(dice.of(3 + more).one_of(COMMENTS));
    }
    if edited {
        text.push_str("\nEDIT: thanks for the likes!");
    }
    text
}

/// Plain text as HTML, in the way of `textDisplay` and of the titles of search.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("<br>"),
            other => escaped.push(other),
        }
    }
    escaped
}
