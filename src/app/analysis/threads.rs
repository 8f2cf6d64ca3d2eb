//! Work on many series by threads of its own, which give way to everything else: a scrape or a collector that wants the
//! core gets it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A thread of this niceness gets a tenth of a core that another one wants, and all of one that nobody wants.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Applies `work` to each number below `count` on so many threads. A panic costs its own result only.
pub(super) fn side_by_side<T: Send>(threads: usize, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<Option<T>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                give_way();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(slot) = results.get(index) else { break };
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(index))).ok();
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = result;
                }
            });
        }
    });
    results.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Lowers the priority of this thread, which cannot be raised again: none that others use.
#[cfg(target_os = "linux")]
fn give_way() {
    // Linux keeps niceness by thread. Where it is refused, the work is done all the same.
    let _ = rustix::process::nice(NICENESS);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_places_and_a_panic_costs_its_own() {
        let work = |index: usize| if index == 3 { panic!("as planned") } else { index * 2 };
        assert_eq!(side_by_side(4, 5, work), [Some(0), Some(2), Some(4), None, Some(8)]);
        assert_eq!(side_by_side(4, 0, |index| index), []);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_its_own_threads_give_way() {
        let own = || rustix::process::nice(0).unwrap();
        let before = own();
        assert_eq!(side_by_side(1, 1, |_| own()), [Some((before + NICENESS).min(19))]);
        assert_eq!(own(), before);
    }
}
