//! The bound of a split with exact sizes: the k-th smallest number among the rows.
//!
//! A bound is enough to deal the rows, so nothing is sorted: `selection` finds it.

use super::numbers::RowNumbers;
use super::selection::{Rows, kth, select};

/// The last test row in the order of (number, row).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold {
    number: u64,
    row: u64,
}

impl Threshold {
    /// Whether the row is a test row. The row itself breaks ties, so that exactly k rows are.
    pub(crate) fn is_test(&self, number: u64, row: u64) -> bool {
        (number, row) <= (self.number, self.row)
    }

    /// The bound below which `k` of the rows `0..n` lie, in memory that does not grow with `n`.
    ///
    /// There is none when `k` is zero or more than `n`.
    pub(crate) fn of_first_rows(numbers: &RowNumbers, n: u64, k: u64) -> Option<Self> {
        select(numbers, &Rows::First(n), k).map(Self::of_last)
    }

    /// The bound below which `k` of the listed rows lie, for the rows that a `keep` filter left
    /// over.
    ///
    /// The list takes four bytes a row, since the numbers follow from it, and holds each row once.
    /// There is no bound when `k` is zero or more than the rows.
    pub(crate) fn of_listed(numbers: &RowNumbers, rows: &[u32], k: u64) -> Option<Self> {
        select(numbers, &Rows::Listed(rows), k).map(Self::of_last)
    }

    /// The bound whose last row is this one.
    pub(super) fn of_last((number, row): (u64, u64)) -> Self {
        Self { number, row }
    }

    /// The number up to which rows are test rows in a split by key, given the number of every row.
    ///
    /// All rows with this number or a smaller one are test rows: rows of one key share a number and
    /// so move together, which is why the test side may hold more than `k` rows. There is none when
    /// `k` is zero or more than the rows. The numbers are left in another order, to save a copy.
    pub(crate) fn of_keys(numbers: &mut [u64], k: u64) -> Option<u64> {
        kth(numbers, k)
    }
}

#[cfg(test)]
mod tests {
    use super::super::share::share_of;
    use super::*;
    use proptest::prelude::*;

    fn sorted(numbers: &RowNumbers, rows: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
        let mut pairs: Vec<_> = rows.map(|row| (numbers.number(row), row)).collect();
        pairs.sort_unstable();
        pairs
    }

    fn at(pairs: &[(u64, u64)], k: u64) -> Option<Threshold> {
        let place = usize::try_from(k).expect("a small rank").checked_sub(1)?;
        pairs
            .get(place)
            .map(|&(number, row)| Threshold { number, row })
    }

    #[test]
    fn the_golden_splits_hold() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/splitting.json"))
                .expect("valid JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let cases = golden["splits"].as_array().expect("a list");
        assert_eq!(cases.len(), 3);
        for case in cases {
            let numbers = RowNumbers::new(text(&case["seed"]).parse().expect("a seed"));
            let n = case["n"].as_u64().expect("a count");
            let k = share_of(text(&case["share"]).parse().expect("a share"), n);
            let threshold = Threshold::of_first_rows(&numbers, n, k).expect("a bound");
            let dealt: Vec<_> = (0..n)
                .filter(|&row| threshold.is_test(numbers.number(row), row))
                .collect();
            let expected: Vec<_> = case["test"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|row| row.as_u64().expect("a row"))
                .collect();
            assert_eq!(dealt, expected);
        }
    }

    #[test]
    fn equal_numbers_go_by_row() {
        let threshold = Threshold { number: 5, row: 9 };
        assert!(threshold.is_test(4, 10));
        assert!(threshold.is_test(5, 9));
        assert!(!threshold.is_test(5, 10));
        assert!(!threshold.is_test(6, 0));
    }

    #[test]
    fn ranks_outside_the_rows_have_no_bound() {
        let numbers = RowNumbers::new(0);
        for (n, k) in [(0, 0), (0, 1), (5, 0), (5, 6), (5, u64::MAX)] {
            assert_eq!(Threshold::of_first_rows(&numbers, n, k), None);
        }
        assert_eq!(Threshold::of_listed(&numbers, &[], 1), None);
        assert_eq!(Threshold::of_keys(&mut [], 1), None);
    }

    #[test]
    fn rows_of_one_key_move_together() {
        let mut numbers = [7, 3, 7, 9, 3, 7];
        assert_eq!(Threshold::of_keys(&mut numbers, 2), Some(3));
        assert_eq!(Threshold::of_keys(&mut numbers, 3), Some(7));
        assert_eq!(Threshold::of_keys(&mut numbers, 6), Some(9));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bounds_are_those_of_a_sort(seed: u64, n in 1_u64..1000, rank: prop::sample::Index) {
            let numbers = RowNumbers::new(seed);
            let pairs = sorted(&numbers, 0..n);
            let k = rank.index(pairs.len()) as u64 + 1;
            let bound = Threshold::of_first_rows(&numbers, n, k);
            prop_assert_eq!(bound, at(&pairs, k));
            let is_test =
                |pair: &&(u64, u64)| bound.is_some_and(|bound| bound.is_test(pair.0, pair.1));
            prop_assert_eq!(pairs.iter().filter(is_test).count() as u64, k);
        }

        #[test]
        fn listed_bounds_are_those_of_a_sort(
            seed: u64,
            rows in prop::collection::btree_set(any::<u32>(), 1..100),
            rank: prop::sample::Index,
        ) {
            let numbers = RowNumbers::new(seed);
            let pairs = sorted(&numbers, rows.iter().map(|&row| u64::from(row)));
            let k = rank.index(pairs.len()) as u64 + 1;
            let rows: Vec<_> = rows.into_iter().collect();
            prop_assert_eq!(Threshold::of_listed(&numbers, &rows, k), at(&pairs, k));
        }
    }
}
