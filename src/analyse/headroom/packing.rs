//! How often each of several choices may be taken of what is free, so that as many instances as possible fit.
//!
//! Evenly first: that is the best there is for parts that are alike. Then a search through all numbers, each branch of
//! which is left when what remains cannot beat the best found; it ends after a bounded number of steps.

use std::collections::BTreeMap;

use super::fit::Seat;
use super::ground::Node;
use super::search::Choice;

/// Steps of the search.
const STEPS_MAX: usize = 20_000;

/// How often to take each choice.
pub(super) struct Search {
    choices: Vec<Vec<(usize, u64)>>,
    /// Free, by place.
    free: Vec<u64>,
    /// By class: its places, and what one instance takes of them, however it chooses.
    classes: Vec<(Vec<usize>, u64)>,
    /// No need to look for more.
    enough: u64,
    best: Vec<u64>,
    steps: usize,
}

impl Search {
    /// `enough` is as good as any.
    pub(super) fn new(nodes: &[(Seat, &Node)], of: &[Choice], enough: u64) -> Self {
        let mut numbers: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut free = Vec::new();
        let choices = of.iter().map(|choice| {
            let places = choice.iter().map(|((node, class), amount)| {
                let number = *numbers.entry((*node, *class)).or_insert_with(|| {
                    let lot = nodes.get(*node).and_then(|(_, node)| node.lot(*class));
                    free.push(lot.map_or(0, |lot| lot.free));
                    free.len() - 1
                });
                (number, *amount)
            });
            places.collect()
        });
        let choices: Vec<Vec<(usize, u64)>> = choices.collect();
        let mut classes: BTreeMap<usize, (Vec<usize>, u64)> = BTreeMap::new();
        for ((_, class), number) in &numbers {
            classes.entry(*class).or_default().0.push(*number);
        }
        for ((_, class), amount) in of.first().into_iter().flatten() {
            classes.entry(*class).or_default().1 += amount;
        }
        Self { choices, free, classes: classes.into_values().collect(), enough, best: Vec::new(), steps: 0 }
    }

    /// Times by choice, and whether nothing better was left out.
    pub(super) fn run(mut self) -> (Vec<u64>, bool) {
        self.best = self.evenly();
        let found: u64 = self.best.iter().sum();
        if found < self.enough {
            let mut times = vec![0; self.choices.len()];
            let mut free = std::mem::take(&mut self.free);
            self.descend(0, &mut times, 0, &mut free);
        }
        let complete = self.steps < STEPS_MAX;
        (self.best, complete)
    }

    /// One after the other, each time the choice that leaves most of what it touches.
    fn evenly(&self) -> Vec<u64> {
        let mut times = vec![0; self.choices.len()];
        let mut free = self.free.clone();
        let mut placed = 0;
        while placed < self.enough {
            let room = |choice: &Vec<(usize, u64)>| {
                let each =
                    choice.iter().map(|(place, amount)| free.get(*place).copied().unwrap_or(0) / (*amount).max(1));
                each.min().unwrap_or(0)
            };
            let roomiest = self
                .choices
                .iter()
                .enumerate()
                .map(|(at, choice)| (room(choice), at))
                .max_by_key(|(n, at)| (*n, usize::MAX - at));
            let Some((1.., at)) = roomiest else { break };
            let Some(choice) = self.choices.get(at) else { break };
            take(&mut free, choice, 1);
            if let Some(times) = times.get_mut(at) {
                *times += 1;
            }
            placed += 1;
        }
        times
    }

    fn descend(&mut self, at: usize, times: &mut Vec<u64>, placed: u64, free: &mut Vec<u64>) {
        self.steps += 1;
        let known: u64 = self.best.iter().sum();
        if placed > known {
            self.best.clone_from(times);
        }
        let Some(choice) = self.choices.get(at).cloned() else { return };
        if self.steps >= STEPS_MAX
            || placed.max(known) >= self.enough
            || placed + self.rest(at, free) <= known.max(placed)
        {
            return;
        }
        let each = choice.iter().map(|(place, amount)| free.get(*place).copied().unwrap_or(0) / (*amount).max(1));
        let most = each.min().unwrap_or(0);
        for count in (0..=most).rev() {
            take(free, &choice, count);
            if let Some(times) = times.get_mut(at) {
                *times = count;
            }
            self.descend(at + 1, times, placed + count, free);
            give(free, &choice, count);
            if self.steps >= STEPS_MAX {
                break;
            }
        }
        if let Some(times) = times.get_mut(at) {
            *times = 0;
        }
    }

    /// No more than this fit with the choices from `at` on.
    fn rest(&self, at: usize, free: &[u64]) -> u64 {
        let rooms = self.choices.iter().skip(at).map(|choice| {
            let each = choice.iter().map(|(place, amount)| free.get(*place).copied().unwrap_or(0) / (*amount).max(1));
            each.min().unwrap_or(0)
        });
        let by_class = self.classes.iter().map(|(places, amount)| {
            let free =
                places.iter().filter_map(|place| free.get(*place)).fold(0, |sum: u64, free| sum.saturating_add(*free));
            free / (*amount).max(1)
        });
        by_class.fold(rooms.fold(0, u64::saturating_add), u64::min)
    }
}

fn take(free: &mut [u64], choice: &[(usize, u64)], times: u64) {
    for (place, amount) in choice {
        if let Some(free) = free.get_mut(*place) {
            *free = free.saturating_sub(amount * times);
        }
    }
}

fn give(free: &mut [u64], choice: &[(usize, u64)], times: u64) {
    for (place, amount) in choice {
        if let Some(free) = free.get_mut(*place) {
            *free += amount * times;
        }
    }
}
