//! Shares repeated texts (host names, zones, states) between rows.

use std::collections::HashSet;
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

#[cfg(test)]
mod tests {
    use super::*;

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
