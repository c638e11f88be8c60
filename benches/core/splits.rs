//! Rows assigned to the sides of a split, the deciding included.

use floe::polars::prelude::*;
use floe::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::side::{Case, Outcome, Side};

pub(crate) fn cases(scale: usize) -> Outcome<Vec<Case>> {
    let rows = scale * 100;
    let table = DataFrame::new(rows, vec![Column::new("x".into(), vec![0_u8; rows])])?;
    let source = InMemory::new(table);
    let count = |frame: LazyFrame| {
        Ok(frame
            .select([len()])
            .collect_with_engine(Engine::Streaming)?)
    };
    let assign = |name, splitter: TrainTestSplit| {
        let source = source.clone();
        Side::new(name, move || {
            let (_, test) = floe::from(source.clone())
                .split(splitter.clone())
                .frames()?;
            count(test.lazy())
        })
    };
    let exact = TrainTestSplit::new(0.3).seed(1);
    Ok(vec![Case::new(
        format!("{rows} rows assigned to a split, on one thread"),
        rows,
        vec![
            assign("floe, exact sizes", exact.clone()),
            assign("floe, stable threshold", exact.stable()),
            Side::new("ChaCha8 drawn and compared, nothing else", move || {
                let mut stream = ChaCha8Rng::seed_from_u64(1);
                let tests = (0..rows).filter(|_| stream.next_u64() < u64::MAX / 10 * 3);
                Ok(tests.count())
            }),
        ],
    )])
}
