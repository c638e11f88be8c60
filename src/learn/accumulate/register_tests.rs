//! Blocks in the widest registers of the processor and without them.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "The numbers here are made for the tests."
)]

use super::value::{Value, Work, reduce, reduce_cells, reduced_plainly};

/// The nodes of a block without gaps and of one with some, in the widest registers and without.
fn in_both_ways<V: Value>(values: &[V])
where
    V::Extreme: PartialEq + std::fmt::Debug,
{
    let cells = || -> Vec<V::Cell> {
        let rows = values.iter().enumerate();
        rows.map(|(row, value)| [value.cell(), V::MISSING][usize::from(row % 7 == 3)])
            .collect()
    };
    let mut work = Work::new(true);
    let whole = reduce(values, &mut work);
    let widest = [whole, reduce_cells::<V>(&mut cells(), &mut work)];
    assert_eq!(reduced_plainly(values, &mut cells()), widest);
}

#[test]
fn the_registers_of_the_processor_show_in_no_bit() {
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        state ^ (state >> 29)
    };
    for length in [4096, 4096, 4096, 1000, 33, 5] {
        let bits: Vec<u64> = (0..length).map(|_| next()).collect();
        in_both_ways::<u64>(&bits);
        in_both_ways(&bits.iter().map(|x| x.cast_signed()).collect::<Vec<i64>>());
        in_both_ways(&bits.iter().map(|x| *x as i16).collect::<Vec<_>>());
        in_both_ways(&bits.iter().map(|x| *x as u8).collect::<Vec<_>>());
        let float = |x: &u64| f64::from_bits(x >> 2) * if x.is_multiple_of(2) { 1.0 } else { -1.0 };
        in_both_ways(&bits.iter().map(float).collect::<Vec<_>>());
        let even = |x: &u64| (*x as f64).sqrt().mul_add(1e-9, 1e6);
        in_both_ways(&bits.iter().map(even).collect::<Vec<_>>());
        in_both_ways(&bits.iter().map(|x| *x as f32).collect::<Vec<_>>());
    }
}
