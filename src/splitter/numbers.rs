//! The number of a row, which decides the side of a split the row falls on.
//!
//! The numbers are a keystream and not draws of a generator with state, so that the number of a row
//! depends on nothing but the seed and the row: not on threads, chunks or the order in which
//! batches arrive.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A `ChaCha` block is 64 bytes, which is eight numbers.
const BLOCK_ROWS: u64 = 8;

/// The generator makes four blocks at a time, so a smaller window would throw finished work away.
const WINDOW_ROWS: usize = 32;

/// The numbers go through bytes in pieces of this many rows (4 KiB), which stay in the first-level
/// cache.
const PIECE: u32 = 512;

const PIECE_ROWS: usize = PIECE as usize;

/// Every row of a source has one 64-bit number for each seed.
///
/// The rule is frozen: `ChaCha8`, the key is the seed in little-endian bytes followed by 24 zero
/// bytes, the nonce is zero, and row `r` takes the little-endian word `r % 8` of block `r / 8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowNumbers {
    key: [u8; 32],
}

impl RowNumbers {
    pub(crate) fn new(seed: u64) -> Self {
        // `seed_from_u64` would stretch the seed with another generator and give another stream.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self { key }
    }

    /// The number of one row.
    ///
    /// This makes four blocks for one number, so whoever has many rows uses [`Self::fill`] or
    /// [`Self::of_rows`].
    #[cfg(test)]
    pub(crate) fn number(&self, row: u64) -> u64 {
        self.stream_at(row).next_u64()
    }

    /// Writes the numbers of the consecutive rows from `first_row` on.
    pub(crate) fn fill(&self, first_row: u64, out: &mut [u64]) {
        fill_from(&mut self.stream_at(first_row), out);
    }

    /// Appends the numbers of `rows`, in their order.
    ///
    /// Any order gives the right numbers. Ascending rows, with or without gaps, are the fast case:
    /// no block is made twice, and a block in which no row was asked for is made only when it
    /// shares a window with one that was.
    pub(crate) fn of_rows(&self, rows: &[u32], out: &mut Vec<u64>) {
        out.reserve(rows.len());
        let mut stream = self.stream_at(0);
        let mut streamed_to = 0;
        let mut window = [0; WINDOW_ROWS];
        let mut window_start = None;
        let mut rest = rows;
        while let Some(&first) = rest.first() {
            let row = u64::from(first);
            if let Some(number) = window_start.and_then(|start| in_window(&window, start, row)) {
                out.push(number);
                rest = &rest[1..];
                continue;
            }
            let run = run_length(rest);
            // A run shorter than the window is left to the window, because other rows may share its
            // blocks.
            let whole = run - run % WINDOW_ROWS;
            let start = if whole == 0 {
                row - row % BLOCK_ROWS
            } else {
                row
            };
            // Going on where the stream stands keeps the blocks it has already made.
            if start != streamed_to {
                stream = self.stream_at(start);
            }
            if whole == 0 {
                fill_from(&mut stream, &mut window);
                window_start = Some(start);
                streamed_to = start + WINDOW_ROWS as u64;
            } else {
                let begin = out.len();
                out.resize(begin + whole, 0);
                fill_from(&mut stream, &mut out[begin..]);
                streamed_to = start + whole as u64;
                rest = &rest[whole..];
            }
        }
    }

    /// The keystream from the word of `row` on.
    fn stream_at(&self, row: u64) -> ChaCha8Rng {
        let mut stream = ChaCha8Rng::from_seed(self.key);
        // Positions count 32-bit words, of which a number has two.
        stream.set_word_pos(u128::from(row) * 2);
        stream
    }
}

/// Writes the next numbers of the keystream.
fn fill_from(stream: &mut ChaCha8Rng, out: &mut [u64]) {
    // Whole pieces of bytes are faster than one `next_u64` a row, which checks its buffer each
    // time.
    let mut bytes = [0; PIECE_ROWS * 8];
    for piece in out.chunks_mut(PIECE_ROWS) {
        let bytes = &mut bytes[..piece.len() * 8];
        stream.fill_bytes(bytes);
        for (number, word) in piece.iter_mut().zip(bytes.as_chunks().0) {
            *number = u64::from_le_bytes(*word);
        }
    }
}

/// The number of `row` when the window that starts at row `start` holds it.
fn in_window(window: &[u64; WINDOW_ROWS], start: u64, row: u64) -> Option<u64> {
    let place = usize::try_from(row.checked_sub(start)?).ok()?;
    window.get(place).copied()
}

/// How many rows at the front of `rows` follow each other without a gap.
fn run_length(rows: &[u32]) -> usize {
    let Some(first) = rows.first() else {
        return 0;
    };
    let mut joined = 0;
    // Whole pieces are looked at without stopping, which the compiler can do several rows at once.
    for piece in rows.chunks_exact(PIECE_ROWS) {
        let start = u32::try_from(joined)
            .ok()
            .and_then(|at| first.checked_add(at));
        let whole = start.filter(|start| start.checked_add(PIECE).is_some());
        let Some(start) = whole else { break };
        let pairs = piece.iter().zip(start..);
        if pairs.filter(|(row, expected)| **row != *expected).count() > 0 {
            break;
        }
        joined += PIECE_ROWS;
    }
    let from = joined.saturating_sub(1);
    let rest = rows[from..]
        .windows(2)
        .take_while(|pair| pair[0].checked_add(1) == Some(pair[1]))
        .count();
    rows.len().min(from + rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_golden_numbers_hold() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/splitting.json"))
                .expect("valid JSON");
        let mut seen = 0;
        for case in golden["numbers"].as_array().expect("a list") {
            let numbers = RowNumbers::new(
                case["seed"]
                    .as_str()
                    .expect("text")
                    .parse()
                    .expect("a seed"),
            );
            for (row, number) in case["rows"].as_object().expect("an object") {
                let row = row.parse().expect("a row");
                let expected =
                    u64::from_str_radix(number.as_str().expect("text"), 16).expect("hex");
                assert_eq!(numbers.number(row), expected, "row {row} of {numbers:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, 4 * 19);
    }

    #[test]
    fn seed_zero_is_the_published_keystream_of_the_zero_key() {
        let bytes = [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6];
        assert_eq!(RowNumbers::new(0).number(0), u64::from_le_bytes(bytes));
    }

    #[test]
    fn the_last_rows_have_numbers() {
        let numbers = RowNumbers::new(5);
        let mut run = [0; 40];
        numbers.fill(u64::MAX - 39, &mut run);
        assert_eq!(run[39], numbers.number(u64::MAX));

        let mut listed = Vec::new();
        let rows = [u32::MAX - 1, u32::MAX, 0, u32::MAX, u32::MAX];
        numbers.of_rows(&rows, &mut listed);
        assert_eq!(listed, rows.map(|row| numbers.number(u64::from(row))));
    }

    #[test]
    fn long_runs_end_where_a_row_is_missing() {
        let numbers = RowNumbers::new(3);
        for missing in [511, 512, 513, 1023, 1024, 1535, 4999] {
            let rows: Vec<u32> = (7..5_007).filter(|row| *row != 7 + missing).collect();
            assert_eq!(run_length(&rows), missing as usize);
            let mut listed = Vec::new();
            numbers.of_rows(&rows, &mut listed);
            let mut all = vec![0; 5_000];
            numbers.fill(7, &mut all);
            all.remove(missing as usize);
            assert_eq!(listed, all, "without {missing}");
        }
        let last: Vec<u32> = (u32::MAX - 1_000..=u32::MAX).chain([0]).collect();
        assert_eq!(run_length(&last), 1_001);
    }

    #[test]
    fn no_rows_give_no_numbers() {
        let mut out = Vec::new();
        RowNumbers::new(1).of_rows(&[], &mut out);
        RowNumbers::new(1).fill(3, &mut []);
        assert!(out.is_empty());
    }

    /// Runs of ascending rows with gaps, which also step back now and then.
    fn listings() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec((0_u32..300, 1_u32..120), 0..12).prop_map(|runs| {
            runs.into_iter()
                .scan(0_u32, |at, (gap, length)| {
                    let start = if gap == 7 {
                        at.saturating_sub(50)
                    } else {
                        *at + gap
                    };
                    *at = start + length;
                    Some(start..start + length)
                })
                .flatten()
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn runs_are_the_numbers_one_by_one(
            seed: u64,
            first in 0..u64::MAX - 600,
            length in 0_usize..600,
        ) {
            let numbers = RowNumbers::new(seed);
            let mut run = vec![0; length];
            numbers.fill(first, &mut run);
            for (row, number) in (first..).zip(&run) {
                prop_assert_eq!(*number, numbers.number(row));
            }
        }

        #[test]
        fn listed_rows_are_the_numbers_one_by_one(
            seed: u64,
            dense in listings(),
            sparse in prop::collection::vec(any::<u32>(), 0..50),
        ) {
            let numbers = RowNumbers::new(seed);
            for rows in [dense, sparse] {
                let mut listed = vec![9];
                numbers.of_rows(&rows, &mut listed);
                let expected = rows.iter().map(|row| numbers.number(u64::from(*row)));
                prop_assert!(listed.iter().copied().eq(std::iter::once(9).chain(expected)));
            }
        }
    }
}
