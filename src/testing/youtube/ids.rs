//! Ids in the forms of YouTube, which hold what they name: nothing needs to be kept to find it.

use super::dice::{Dice, mix};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Odd, so that a product with it can be undone.
const STIR: u64 = 0xd134_2543_de82_ef95;

/// The alphabet of ids, 6 bits a letter; 11 letters hold 64 bits.
pub(super) fn letters(mut word: u64, count: usize) -> String {
    let letter = |_| {
        let at = usize::try_from(word & 63).unwrap_or(0);
        word >>= 6;
        char::from(LETTERS[at])
    };
    (0..count).map(letter).collect()
}

fn word(text: &str) -> Option<u64> {
    let mut word = 0u64;
    for letter in text.bytes().rev() {
        let at = LETTERS.iter().position(|known| *known == letter)?;
        word = word.wrapping_shl(6) | at as u64;
    }
    Some(word)
}

/// What makes and reads the ids of one world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids(pub(super) Dice);

impl Ids {
    fn stir(self, word: u64) -> u64 {
        (word ^ self.0.word()).wrapping_mul(STIR).rotate_left(29)
    }

    /// What tells an id of this world from one of another.
    fn check(self, stirred: u64) -> u64 {
        mix(stirred ^ self.0.of(1).word())
    }

    fn unstir(self, word: u64) -> u64 {
        word.rotate_right(29).wrapping_mul(inverse(STIR)) ^ self.0.word()
    }

    pub(super) fn video(self, number: u32) -> String {
        letters(self.stir(u64::from(number)), 11)
    }

    pub(super) fn channel(self, number: u32) -> String {
        let stirred = self.stir(u64::from(number) | 1 << 40);
        format!(
            "UC{}{}",
            letters(stirred, 11),
            letters(self.check(stirred), 11)
        )
    }

    /// The thread of this number under the video of this number.
    pub(super) fn thread(self, video: u32, thread: u32) -> String {
        let stirred = self.stir(u64::from(video) << 32 | u64::from(thread));
        // The forms of ids are those of the recorded replies.
        format!(
            "Ug{}{}4AaABAg",
            letters(stirred, 11),
            letters(self.check(stirred), 6)
        )
    }

    /// The numbers of video and thread, for an id that this world made.
    pub(super) fn read_thread(self, id: &str) -> Option<(u32, u32)> {
        let stirred = word(id.get(2..13)?)?;
        let both = self.unstir(stirred);
        let video = u32::try_from(both >> 32).ok()?;
        let thread = u32::try_from(both & u64::from(u32::MAX)).ok()?;
        (self.thread(video, thread) == id).then_some((video, thread))
    }

    pub(super) fn reply(self, parent: &str, number: u32) -> String {
        let stirred = self.stir(u64::from(number) | 1 << 41);
        format!(
            "{parent}.{}{}",
            letters(stirred, 11),
            letters(self.check(stirred), 11)
        )
    }

    /// The thread's id and the number of the reply.
    pub(super) fn read_reply(self, id: &str) -> Option<(&str, u32)> {
        let (parent, own) = id.split_once('.')?;
        let number = self.unstir(word(own.get(..11)?)?) ^ 1 << 41;
        let number = u32::try_from(number).ok()?;
        (self.reply(parent, number) == id).then_some((parent, number))
    }

    /// A page token that tells a stranger nothing: where the page begins, in the listing of this name.
    pub(super) fn token(self, listing: &str, offset: u64, born: i64) -> String {
        let born = u64::try_from(born).unwrap_or(0);
        let sealed = seal(listing);
        let first = self.stir(offset ^ sealed);
        let second = self.stir(born ^ sealed ^ first);
        let check = self.check(first ^ mix(second ^ sealed));
        let all = [letters(first, 11), letters(second, 11), letters(check, 11)];
        format!("Z2V{}", all.concat())
    }

    /// Where the page begins and when the token was made.
    pub(super) fn read_token(self, listing: &str, token: &str) -> Option<(u64, i64)> {
        let first = word(token.get(3..14)?)?;
        let second = word(token.get(14..25)?)?;
        let sealed = seal(listing);
        let offset = self.unstir(first) ^ sealed;
        let born = self.unstir(second) ^ sealed ^ first;
        let born = i64::try_from(born).ok()?;
        (self.token(listing, offset, born) == token).then_some((offset, born))
    }
}

/// A number for a text: FNV-1a, stirred.
pub(super) fn seal(text: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv))
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
fn inverse(odd: u64) -> u64 {
    let mut found = odd;
    for _ in 0..6 {
        found = found.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(found)));
    }
    found
}

/// The page tokens of search: base64 of a protobuf with the offset and the direction.
pub(super) fn search_token(offset: u64, back: bool) -> String {
    let mut bytes = vec![0x08];
    let mut rest = offset;
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or(0);
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            break;
        }
        bytes.push(low | 0x80);
    }
    bytes.extend([0x10, u8::from(back)]);
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let joined = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=three.len() {
            let six = usize::try_from(joined >> (18 - 6 * at) & 63).unwrap_or(0);
            text.push(char::from(LETTERS[six]));
        }
    }
    text
}

/// The offset of a search token, and whether it leads back.
pub(super) fn read_search_token(token: &str) -> Option<(u64, bool)> {
    // There are few of them: trying all is plainest.
    let all = (0..=1000).flat_map(|offset| [(offset, false), (offset, true)]);
    let mut all = all.filter(|(offset, back)| search_token(*offset, *back) == token);
    all.next()
}

#[cfg(test)]
mod tests {
    use super::{Ids, read_search_token, search_token};
    use crate::testing::youtube::dice::Dice;

    #[test]
    fn ids_hold_what_they_name() {
        let ids = Ids(Dice::new(7));
        for (video, thread) in [(0, 0), (3, 1), (70_000, 4_000_000_000)] {
            let id = ids.thread(video, thread);
            assert_eq!(id.len(), 26);
            assert_eq!(ids.read_thread(&id), Some((video, thread)));
            let reply = ids.reply(&id, 12);
            assert_eq!(reply.len(), 26 + 1 + 22);
            assert_eq!(ids.read_reply(&reply), Some((id.as_str(), 12)));
            assert_eq!(Ids(Dice::new(8)).read_thread(&id), None);
        }
        assert_eq!(ids.video(5).len(), 11);
        assert_eq!(ids.channel(5).len(), 24);
        for foreign in [
            "",
            "UgxKREWxIgDrw8w2e_Z4AaABAg",
            "Ugé",
            "Ugaaaaaaaaaaéaaaaaa4AaABAg",
        ] {
            assert_eq!(ids.read_thread(foreign), None);
        }
    }

    #[test]
    fn tokens_open_only_the_listing_that_they_are_of() {
        let ids = Ids(Dice::new(7));
        let token = ids.token("a", 300, 1_700_000_000);
        assert_eq!(ids.read_token("a", &token), Some((300, 1_700_000_000)));
        assert_eq!(ids.read_token("b", &token), None);
        assert_eq!(ids.read_token("a", "CAUQAA"), None);
    }

    #[test]
    fn search_tokens_are_those_of_the_recorded_replies() {
        let recorded = [
            (5, false, "CAUQAA"),
            (25, false, "CBkQAA"),
            (50, false, "CDIQAA"),
        ];
        for (offset, back, token) in recorded.into_iter().chain([(25, true, "CBkQAQ")]) {
            assert_eq!(search_token(offset, back), token);
            assert_eq!(read_search_token(token), Some((offset, back)));
        }
        assert_eq!(
            read_search_token(&search_token(450, false)),
            Some((450, false))
        );
        assert_eq!(read_search_token("CAUQAB"), None);
    }
}
