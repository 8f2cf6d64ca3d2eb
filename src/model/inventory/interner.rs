//! Shares repeated texts (host names, zones, states) between rows.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// A set of shared texts; lives as long as the collector that fills a table.
#[derive(Debug, Default)]
pub struct Interner(HashSet<Arc<str>>);

impl Interner {
    /// The shared copy of a text.
    pub fn intern(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(shared) => Arc::clone(shared),
            None => {
                let shared: Arc<str> = Arc::from(text);
                self.0.insert(Arc::clone(&shared));
                shared
            }
        }
    }

    /// Forgets texts that no row uses any more.
    pub fn sweep(&mut self) {
        self.0.retain(|text| Arc::strong_count(text) > 1);
    }
}

/// The same for other things that many rows have in common.
#[derive(Debug)]
pub struct Pool<T>(HashSet<Arc<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Eq + Hash> Pool<T> {
    /// The shared copy of a thing.
    pub fn share(&mut self, thing: T) -> Arc<T> {
        match self.0.get(&thing) {
            Some(shared) => Arc::clone(shared),
            None => {
                let shared = Arc::new(thing);
                self.0.insert(Arc::clone(&shared));
                shared
            }
        }
    }

    /// Forgets what no row uses any more.
    pub fn sweep(&mut self) {
        self.0.retain(|thing| Arc::strong_count(thing) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_are_one() {
        let mut pool = Pool::default();
        let (a, b) = (pool.share((1, "a")), pool.share((1, "a")));
        assert!(Arc::ptr_eq(&a, &b));
        drop((a, b));
        pool.sweep();
        assert!(pool.0.is_empty());
    }

    #[test]
    fn equal_texts_are_one() {
        let mut interner = Interner::default();
        let (a, b) = (interner.intern("az-1"), interner.intern("az-1"));
        assert!(Arc::ptr_eq(&a, &b));
        drop((a, b));
        interner.sweep();
        assert!(interner.0.is_empty());
    }
}
