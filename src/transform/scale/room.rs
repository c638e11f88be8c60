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
    /// Room without anything in it.
    pub(super) fn take(&self) -> Vec<T> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
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
        // So many batches are under way at once, and some wait.
        if free.len() < 2 * threads::all() {
            self.values.clear();
            free.push(std::mem::take(&mut self.values));
        }
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
        assert_eq!(pool.take().capacity(), 0);
        assert_eq!(reader.as_slice(), [1.0; 10]);
        drop(reader);
        let again = pool.take();
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn what_is_large_or_too_much_is_given_back_to_the_system() {
        let pool = Pool::<f32>::default();
        drop(pool.lend(vec![0.0; LARGEST]));
        assert_eq!(pool.take().capacity(), 0);
        let lent: Vec<_> = (0..1000).map(|_| pool.lend(vec![0.0; 10])).collect();
        drop(lent);
        let kept = std::iter::from_fn(|| Some(pool.take()).filter(|of| of.capacity() > 0));
        assert_eq!(kept.count(), 2 * threads::all());
        // Results may outlive the query.
        let late = pool.lend(vec![2.0; 3]);
        drop(pool);
        assert_eq!(late.as_slice(), [2.0; 3]);
    }
}
