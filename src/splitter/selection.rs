//! The k-th smallest number among very many rows, without sorting them or keeping them.
//!
//! The numbers can be made again, so each reading only counts them by their next bits, until few
//! enough candidates are left to be kept.

use super::numbers::RowNumbers;

/// The numbers are read in pieces of this many rows (64 KiB), which stay in the second-level cache.
const PIECE_ROWS: usize = 8192;

/// So many candidates (1 MiB) are kept for the selection; while there are more, another reading
/// narrows them down.
const KEPT: u64 = 1 << 16;

/// The bits by which one reading narrows the candidates down; the counts take 512 KiB.
const BITS: u32 = 16;

/// The rows among which a bound is sought.
pub(super) enum Rows<'a> {
    First(u64),
    Listed(&'a [u32]),
}

impl Rows<'_> {
    fn count(&self) -> u64 {
        match self {
            Self::First(n) => *n,
            Self::Listed(rows) => rows.len() as u64,
        }
    }

    /// Hands over the numbers piece by piece, each with the way from a place in the piece to its
    /// row.
    fn read(&self, numbers: &RowNumbers, mut each: impl FnMut(&[u64], &dyn Fn(usize) -> u64)) {
        match self {
            Self::First(n) => {
                let mut piece = vec![0; PIECE_ROWS];
                for start in (0..*n).step_by(PIECE_ROWS) {
                    let length =
                        usize::try_from(n - start).map_or(PIECE_ROWS, |left| left.min(PIECE_ROWS));
                    let piece = &mut piece[..length];
                    numbers.fill(start, piece);
                    each(piece, &|place| start + place as u64);
                }
            }
            Self::Listed(rows) => {
                let mut piece = Vec::with_capacity(PIECE_ROWS);
                for part in rows.chunks(PIECE_ROWS) {
                    piece.clear();
                    numbers.of_rows(part, &mut piece);
                    each(&piece, &|place| u64::from(part[place]));
                }
            }
        }
    }
}

/// The candidates that are left: the rows whose number starts with the top bits of `prefix`.
struct Candidates {
    prefix: u64,
    /// How many low bits are still open.
    open: u32,
    count: u64,
    /// The rank of the bound among the candidates, from one.
    k: u64,
}

impl Candidates {
    /// A shift by 64 would not be defined, and with all bits open every number is a candidate.
    fn has(&self, number: u64) -> bool {
        (number ^ self.prefix).checked_shr(self.open).unwrap_or(0) == 0
    }

    /// Counts the candidates by their next bits and keeps those among which the bound lies.
    fn narrowed(self, numbers: &RowNumbers, rows: &Rows<'_>) -> Option<Self> {
        let open = self.open - BITS;
        let mut counts = vec![0_u64; 1 << BITS];
        rows.read(numbers, |piece, _| {
            for &number in piece {
                // The difference is below 2^16 for a candidate alone, so that the look-up sorts out
                // the others.
                let bin = (number ^ self.prefix) >> open;
                if let Some(count) = usize::try_from(bin)
                    .ok()
                    .and_then(|bin| counts.get_mut(bin))
                {
                    *count += 1;
                }
            }
        });
        let mut before = 0;
        (0_u64..).zip(counts).find_map(|(bin, count)| {
            if self.k <= before + count {
                let prefix = self.prefix | (bin << open);
                return Some(Self {
                    prefix,
                    open,
                    count,
                    k: self.k - before,
                });
            }
            before += count;
            None
        })
    }
}

/// The bound, when it lies where it is expected among numbers that are evenly distributed: one reading
/// counts the numbers below that window and keeps those within. Eight deviations of the rank of a
/// number that was drawn at random are all but certain; none says that another way must find it.
fn around_expected(
    numbers: &RowNumbers,
    rows: &Rows<'_>,
    count: u64,
    k: u64,
) -> Option<(u64, u64)> {
    let (share, all) = (k as f64 / count as f64, count as f64);
    let deviations = 8.0 * (all * share * (1.0 - share)).sqrt() + 64.0;
    let reach = deviations.min(KEPT as f64 / 2.0) / all;
    let low = place(share - reach);
    let width = place(share + reach) - low;
    let mut below = 0;
    let mut kept = Vec::with_capacity(1 << 12);
    rows.read(numbers, |piece, row_at| {
        for (at, &number) in piece.iter().enumerate() {
            below += u64::from(number < low);
            if number.wrapping_sub(low) <= width && kept.len() as u64 <= 2 * KEPT {
                kept.push((number, row_at(at)));
            }
        }
    });
    let found = k
        .checked_sub(below)
        .filter(|_| kept.len() as u64 <= 2 * KEPT)?;
    kth(&mut kept, found)
}

/// The number at a share of all numbers, from 0 on.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "A cast of a float ends at the ends of the integers, which is what is wanted."
)]
fn place(share: f64) -> u64 {
    (share * u64::MAX as f64) as u64
}

/// The k-th smallest pair of number and row, counted from one, in memory that does not grow.
///
/// There is none when `k` is zero or more than the rows.
pub(super) fn select(numbers: &RowNumbers, rows: &Rows<'_>, k: u64) -> Option<(u64, u64)> {
    let count = rows.count();
    if k == 0 || k > count {
        return None;
    }
    if count > KEPT
        && let Some(found) = around_expected(numbers, rows, count, k)
    {
        return Some(found);
    }
    let mut candidates = Candidates {
        prefix: 0,
        open: u64::BITS,
        count,
        k,
    };
    while candidates.count > KEPT && candidates.open > 0 {
        candidates = candidates.narrowed(numbers, rows)?;
    }
    let mut kept = Vec::with_capacity(usize::try_from(candidates.count).ok()?);
    rows.read(numbers, |piece, row_at| {
        for (place, &number) in piece.iter().enumerate() {
            if candidates.has(number) {
                kept.push((number, row_at(place)));
            }
        }
    });
    kth(&mut kept, candidates.k)
}

/// The k-th smallest item, counted from one, in time that grows with the items and not with their
/// sorting.
pub(super) fn kth<T: Copy + Ord>(items: &mut [T], k: u64) -> Option<T> {
    let place = usize::try_from(k.checked_sub(1)?).ok()?;
    (place < items.len()).then(|| *items.select_nth_unstable(place).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers come from one run, since one by one they are slow without optimisation.
    fn sorted(numbers: &RowNumbers, n: u64, is_kept: impl Fn(u64) -> bool) -> Vec<(u64, u64)> {
        let mut all = vec![0; usize::try_from(n).expect("few rows")];
        numbers.fill(0, &mut all);
        let mut pairs: Vec<_> = all
            .into_iter()
            .zip(0..)
            .filter(|pair| is_kept(pair.1))
            .collect();
        pairs.sort_unstable();
        pairs
    }

    fn at(pairs: &[(u64, u64)], k: u64) -> Option<(u64, u64)> {
        pairs
            .get(usize::try_from(k - 1).expect("a small rank"))
            .copied()
    }

    #[test]
    fn many_rows_are_narrowed_down_to_the_same_bound() {
        let numbers = RowNumbers::new(11);
        let n = 2 * KEPT;
        let pairs = sorted(&numbers, n, |_| true);
        for k in [1, 2, 777, n / 3, n - 1, n] {
            assert_eq!(
                select(&numbers, &Rows::First(n), k),
                at(&pairs, k),
                "rank {k}"
            );
        }
        let kept: Vec<u32> = (0..u32::try_from(n).expect("few rows"))
            .filter(|row| row % 3 != 1)
            .collect();
        let pairs = sorted(&numbers, n, |row| row % 3 != 1);
        for k in [1, 40_000, kept.len() as u64] {
            assert_eq!(
                select(&numbers, &Rows::Listed(&kept), k),
                at(&pairs, k),
                "rank {k}"
            );
        }
    }

    #[test]
    fn every_reading_narrows_to_the_same_bound() {
        let numbers = RowNumbers::new(3);
        let rows = Rows::First(5000);
        let pairs = sorted(&numbers, 5000, |_| true);
        let mut candidates = Candidates {
            prefix: 0,
            open: 64,
            count: 5000,
            k: 1234,
        };
        while candidates.open > 0 {
            candidates = candidates.narrowed(&numbers, &rows).expect("a bin");
            assert!(candidates.has(pairs[1233].0));
            assert_eq!(
                candidates.count,
                pairs.iter().filter(|pair| candidates.has(pair.0)).count() as u64
            );
        }
        assert_eq!(
            (candidates.prefix, candidates.count, candidates.k),
            (pairs[1233].0, 1, 1)
        );
    }
}
