use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::{FaceData, FaceError, Rendered, Renderer, Template};

/// Renders many faces on threads.
///
/// Every thread takes the next item, loads its data (with the photo), renders it and hands it on
/// before it takes another, so that there are never more faces and photos in memory than threads.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Draws the faces.
    pub renderer: &'a Renderer,
    /// The design.
    pub template: &'a Template,
    /// How many threads.
    pub threads: NonZeroUsize,
}

impl Batch<'_> {
    /// Renders a face for every item and returns how many were taken up.
    ///
    /// `load` makes the data of an item, `done` is given its place from 0, itself and its face or
    /// what is wrong with it; both run on the threads, several at a time, in no particular order.
    /// An error of one item leaves the others alone; only if `done` breaks, no more are taken up.
    ///
    /// # Errors
    ///
    /// [`FaceError`] if the template itself cannot be drawn. No item is taken up then.
    ///
    /// # Panics
    ///
    /// If `load` or `done` does, after the other threads have ended.
    pub fn run<T, I>(
        &self,
        items: I,
        load: impl Fn(&T) -> Result<FaceData, FaceError> + Sync,
        done: impl Fn(usize, T, Result<Rendered, FaceError>) -> ControlFlow<()> + Sync,
    ) -> Result<usize, FaceError>
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send,
        T: Send,
    {
        self.renderer.prepare(self.template)?;
        let items = Mutex::new(items.into_iter().enumerate());
        let taken = AtomicUsize::new(0);
        let stopped = AtomicBool::new(false);
        let work = || {
            while !stopped.load(Ordering::Relaxed) {
                let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((place, item)) = next else { return };
                taken.fetch_add(1, Ordering::Relaxed);
                let face = load(&item).and_then(|data| self.renderer.render(self.template, &data));
                if done(place, item, face).is_break() {
                    stopped.store(true, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.get() {
                scope.spawn(work);
            }
            work();
        });
        Ok(taken.into_inner())
    }
}
