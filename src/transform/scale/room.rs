//! Room for the results of one batch after another.
//!
//! The streaming engine lets a batch go as soon as the stage behind it has read it. Memory that is
//! new each time must be cleared by the system, page by page, and that takes longer than to scale
//! what is written there.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use polars_buffer::Buffer;

use crate::threads;

/// The bytes of the largest results whose room is kept. A batch of the streaming engine has 0.8 MB; a
/// column that is scaled as a whole mostly has more.
const LARGEST: usize = 2 << 20;

/// How many times as much room as they need values may get.
const ROOMY: usize = 2;

/// The room that the results of a column had, for its next ones. It lasts as long as the plan of the
/// query, with all of its clones.
#[derive(Default)]
pub(crate) struct Room {
    pub(super) doubles: Pool<f64>,
    pub(super) singles: Pool<f32>,
}

pub(crate) struct Pool<T>(Arc<Mutex<Vec<Vec<T>>>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Send + 'static> Pool<T> {
    /// Room for so many values, without anything in it.
    pub(super) fn take(&self, len: usize) -> Vec<T> {
        // A few results that somebody keeps must not keep the room of many.
        let fits = len..=len.saturating_mul(ROOMY);
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free.iter().rposition(|of| fits.contains(&of.capacity()));
        at.map_or_else(|| Vec::with_capacity(len), |at| free.remove(at))
    }

    /// The values as a buffer, whose room comes back when nobody reads it any more.
    pub(super) fn lend(&self, values: Vec<T>) -> Buffer<T> {
        if values.capacity() * size_of::<T>() > LARGEST {
            return values.into();
        }
        let pool = Arc::downgrade(&self.0);
        Buffer::from_owner(Lent { values, pool })
    }
}

struct Lent<T> {
    values: Vec<T>,
    pool: Weak<Mutex<Vec<Vec<T>>>>,
}

impl<T> AsRef<[T]> for Lent<T> {
    fn as_ref(&self) -> &[T] {
        &self.values
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let mut free = pool.lock().unwrap_or_else(PoisonError::into_inner);
        // So many batches are under way at once, and some wait. The newest rooms fit best.
        if free.len() >= 2 * threads::all() {
            free.remove(0);
        }
        self.values.clear();
        free.push(std::mem::take(&mut self.values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_when_nobody_reads_it() {
        let pool = Pool::<f64>::default();
        let lent = pool.lend(vec![1.0; 1000]);
        let (place, reader) = (lent.as_ptr(), lent.clone().sliced(990..));
        drop(lent);
        assert_eq!(pool.0.lock().unwrap().len(), 0);
        assert_eq!(reader.as_slice(), [1.0; 10]);
        drop(reader);
        // Not for so few that most of it would stay empty, nor for more than it has.
        drop([pool.take(499), pool.take(1001)]);
        assert_eq!(pool.0.lock().unwrap().len(), 1);
        let again = pool.take(500);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn what_is_large_or_too_much_is_given_back_to_the_system() {
        let pool = Pool::<f32>::default();
        drop(pool.lend(vec![0.0; LARGEST]));
        assert_eq!(pool.0.lock().unwrap().len(), 0);
        let lent: Vec<_> = (0..1000).map(|_| pool.lend(vec![0.0; 10])).collect();
        drop(lent);
        assert_eq!(pool.0.lock().unwrap().len(), 2 * threads::all());
        // Results may outlive the query.
        let late = pool.lend(vec![2.0; 3]);
        drop(pool);
        assert_eq!(late.as_slice(), [2.0; 3]);
    }
}
