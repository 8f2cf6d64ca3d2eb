//! What happens as time goes by: instances come, go, stop, start, grow, move and break.
//!
//! Events are drawn once per simulated minute, from the seed and the minute. Natural churn follows the day; a
//! fixed churn changes the asked-for fraction each minute, while the mix of events still follows the growth.

use std::cmp::Ordering;

use super::seed::mix;
use super::server::Status;
use super::{AnomalyKind, World, seconds};
use crate::model::clock::Timestamp;

/// One change to come; ordered so that the earliest is the greatest, as a heap wants it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    at: Timestamp,
    sequence: u64,
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Create,
    CreateFor(u32),
    Finish(u32),
    Delete,
    DeleteRow(u32),
    Stop,
    Start,
    Resize,
    Migrate,
    Break,
    Touch,
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

const MINUTE: i64 = 60_000;

impl World {
    /// Whether [`World::advance`] would change anything.
    pub(crate) fn due(&self, to: Timestamp) -> bool {
        self.minute.saturating_mul(MINUTE) <= to.millis() || self.pending.peek().is_some_and(|event| event.at <= to)
    }

    /// Applies what happens up to and including `to`; a time that has passed already changes nothing.
    pub fn advance(&mut self, to: Timestamp) {
        loop {
            let plan_at = Timestamp::from_millis(self.minute.saturating_mul(MINUTE));
            let next = self.pending.peek().map(|event| event.at);
            if plan_at <= to && next.is_none_or(|next| plan_at <= next) {
                self.plan();
                self.minute += 1;
            } else if next.is_some_and(|next| next <= to) {
                if let Some(event) = self.pending.pop() {
                    self.apply(&event);
                }
            } else {
                break;
            }
        }
        self.now = self.now.max(to);
    }

    /// Instances that the growth and the waves of day and week want at a moment.
    pub(crate) fn target(&self, at: Timestamp) -> f64 {
        let months = (at.seconds() - self.started.seconds()) / (30.0 * 86_400.0);
        let wave = self.settings.wave * (tide(at) - tide(self.started));
        self.settings.instances as f64 * (1.0 + self.settings.growth_per_month * months).max(0.0) * (1.0 + wave)
    }

    fn plan(&mut self) {
        let start = self.minute * MINUTE;
        let at = Timestamp::from_millis(start);
        let mut rng = fastrand::Rng::with_seed(mix(self.seed, self.minute as u64));
        let alive = self.alive.len() as f64;
        let gap = self.target(at) - alive;
        let wanted = match self.settings.churn_per_minute {
            Some(churn) => alive * churn,
            None => alive * 0.0003 * (1.2 + 2.0 * tide(at)) + gap.abs() / 60.0,
        };
        let count = (wanted + rng.f64()) as u64;
        let shift = (gap / (10.0 * wanted.max(1.0))).clamp(-0.28, 0.28);
        for _ in 0..count {
            let action = draw(rng.f64(), shift);
            self.schedule(start + rng.i64(0..40_000), action);
        }
        for row in self.losses(at) {
            self.schedule(start + rng.i64(0..40_000), Action::DeleteRow(row));
        }
        for (project, instances) in self.runaways(at) {
            for _ in 0..instances {
                self.schedule(start + rng.i64(0..40_000), Action::CreateFor(project));
            }
        }
    }

    fn runaways(&self, at: Timestamp) -> Vec<(u32, usize)> {
        let runaway = |a: &&super::Anomaly| a.kind == AnomalyKind::RunawayProject && a.from <= at && at < a.to;
        let each = (self.settings.instances / 800).max(1);
        self.anomalies.iter().filter(runaway).map(|a| (a.target, each)).collect()
    }

    /// Two of three instances of the projects that lose them in the minute from `at` on.
    fn losses(&self, at: Timestamp) -> Vec<u32> {
        let lost = |a: &&super::Anomaly| {
            a.kind == AnomalyKind::LostInstances && (0..MINUTE).contains(&(a.from.millis() - at.millis()))
        };
        let targets: Vec<u32> = self.anomalies.iter().filter(lost).map(|a| a.target).collect();
        let theirs = |row: &u32| self.server(*row).is_some_and(|server| targets.contains(&server.project));
        self.alive.iter().copied().filter(|row| theirs(row) && row % 3 != 0).collect()
    }

    fn schedule(&mut self, millis: i64, action: Action) {
        self.sequence += 1;
        self.pending.push(Event { at: Timestamp::from_millis(millis), sequence: self.sequence, action });
    }

    fn apply(&mut self, event: &Event) {
        let second = seconds(event.at);
        let mut rng = fastrand::Rng::with_seed(mix(self.seed ^ 0xe7, event.sequence));
        let rng = &mut rng;
        let active = |status| status == Status::Active;
        match event.action {
            Action::Create => {
                let project = self.draw_project(rng);
                self.begin(project, event.at, rng);
            }
            Action::CreateFor(project) => self.begin(project, event.at, rng),
            Action::Finish(row) => self.finish(row, second),
            Action::Delete => self.delete_one(second, rng),
            Action::DeleteRow(row) => self.delete(row, second),
            Action::Stop => self.switch(active, Status::Shutoff, second, rng),
            Action::Start => self.switch(|status| status == Status::Shutoff, Status::Active, second, rng),
            Action::Break => self.switch(active, Status::Error, second, rng),
            Action::Resize => self.move_one(true, second, rng),
            Action::Migrate => self.move_one(false, second, rng),
            Action::Touch => self.touch(rng, second),
        }
    }

    fn begin(&mut self, project: u32, at: Timestamp, rng: &mut fastrand::Rng) {
        let flavor = self.draw_flavor(rng);
        let second = seconds(at);
        let row = self.insert(project, flavor, second);
        if self.occupy_somewhere(row, rng) {
            self.record(row, second);
            self.schedule(at.millis() + rng.i64(2_000..18_000), Action::Finish(row));
        } else {
            self.set_status(row, Status::Error, second);
        }
    }

    fn finish(&mut self, row: u32, second: u32) {
        let building = |server: &&mut super::Server| server.status == Status::Build;
        if let Some(server) = self.servers.get_mut(row as usize).filter(building) {
            (server.launched, server.booted) = (second, second);
            self.set_status(row, Status::Active, second);
        }
    }

    fn delete_one(&mut self, second: u32, rng: &mut fastrand::Rng) {
        if let Some(row) = self.pick(rng, |_| true) {
            self.delete(row, second);
        }
    }

    fn delete(&mut self, row: u32, second: u32) {
        if self.server(row).is_none_or(|server| server.status == Status::Deleted) {
            return;
        }
        self.release(row, false);
        self.count(row, -1);
        let Some(server) = self.servers.get_mut(row as usize) else { return };
        (server.before, server.status, server.updated) = (server.status, Status::Deleted, second);
        let slot = server.slot;
        self.alive.swap_remove(slot as usize);
        if let Some(moved) = self.alive.get(slot as usize).copied()
            && let Some(server) = self.servers.get_mut(moved as usize)
        {
            server.slot = slot;
        }
        self.changes.push((second, row));
    }

    fn switch(&mut self, from: impl Fn(Status) -> bool, to: Status, second: u32, rng: &mut fastrand::Rng) {
        match self.pick(rng, from) {
            Some(row) => {
                if let Some(server) = self.servers.get_mut(row as usize)
                    && to == Status::Active
                {
                    server.booted = second;
                }
                self.set_status(row, to, second);
            }
            None => self.touch(rng, second),
        }
    }

    /// Moves an instance to another host, after a resize with another flavor; back to where it was if none takes it.
    fn move_one(&mut self, resize: bool, second: u32, rng: &mut fastrand::Rng) {
        let plain =
            |world: &Self, flavor: u32| world.flavors.get(flavor as usize).is_some_and(|f| f.gpus == 0 && !f.ssd);
        let chosen = self.pick(rng, |status| status == Status::Active);
        let movable = |row: &u32| self.server(*row).is_some_and(|s| s.host.is_some() && plain(self, s.flavor));
        let Some(row) = chosen.filter(movable) else { return self.touch(rng, second) };
        let Some((old_flavor, old_host)) = self.server(row).map(|s| (s.flavor, s.host)) else { return };
        let wanted = self.draw_flavor(rng);
        self.release(row, true);
        if resize && plain(self, wanted) {
            self.set_flavor(row, wanted);
        }
        if !self.occupy_somewhere(row, rng) {
            self.set_flavor(row, old_flavor);
            if let Some(host) = old_host {
                self.occupy(row, host);
            }
        }
        self.record(row, second);
    }

    fn touch(&mut self, rng: &mut fastrand::Rng, second: u32) {
        if let Some(row) = self.pick(rng, |_| true) {
            self.record(row, second);
        }
    }

    fn set_flavor(&mut self, row: u32, flavor: u32) {
        self.count(row, -1);
        if let Some(server) = self.servers.get_mut(row as usize) {
            server.flavor = flavor;
        }
        self.count(row, 1);
    }

    fn set_status(&mut self, row: u32, status: Status, second: u32) {
        if let Some(server) = self.servers.get_mut(row as usize) {
            (server.status, server.before) = (status, status);
        }
        self.record(row, second);
    }

    fn record(&mut self, row: u32, second: u32) {
        if let Some(server) = self.servers.get_mut(row as usize) {
            server.updated = second;
        }
        self.changes.push((second, row));
    }

    /// A living server of a wanted status; gives up after some tries.
    fn pick(&self, rng: &mut fastrand::Rng, wanted: impl Fn(Status) -> bool) -> Option<u32> {
        if self.alive.is_empty() {
            return None;
        }
        (0..24).find_map(|_| {
            let row = *self.alive.get(rng.usize(..self.alive.len()))?;
            self.server(row).filter(|server| wanted(server.status)).map(|_| row)
        })
    }

    /// Adds a server to what its project takes, or subtracts it.
    pub(super) fn count(&mut self, row: u32, sign: i64) {
        let Some(server) = self.servers.get(row as usize) else { return };
        let (vcpus, ram) = self.flavor_of(server).map_or((0, 0), |flavor| (flavor.vcpus, flavor.ram));
        if let Some(usage) = self.usage.get_mut(server.project as usize) {
            usage.instances = usage.instances.saturating_add_signed(sign);
            usage.cores = usage.cores.saturating_add_signed(sign * i64::from(vcpus));
            usage.ram = usage.ram.saturating_add_signed(sign * i64::from(ram));
        }
    }

    pub(super) fn occupy_somewhere(&mut self, row: u32, rng: &mut fastrand::Rng) -> bool {
        let found = self.server(row).and_then(|server| {
            let flavor = self.flavor_of(server)?;
            self.scheduler.place(&self.hosts, flavor, self.need_of(server), rng)
        });
        found.is_some_and(|host| self.occupy(row, host))
    }

    /// Allocates a server on a host: the only place, with [`World::release`], where generations rise.
    fn occupy(&mut self, row: u32, at: u32) -> bool {
        let Some(server) = self.servers.get(row as usize) else { return false };
        let need = self.need_of(server);
        let gpus = self.flavor_of(server).map_or(0, |flavor| flavor.gpus);
        let Some(host) = self.hosts.get_mut(at as usize) else { return false };
        host.used.add(need);
        host.generation += 1;
        host.servers.push(row);
        let slot = if gpus > 0 { host.gpu_slot(gpus) } else { None };
        if let Some(slot) = slot
            && let (Some(used), Some(generation)) = (host.gpus_used.get_mut(slot), host.gpu_generations.get_mut(slot))
        {
            *used += gpus;
            *generation += 1;
        }
        if let Some(server) = self.servers.get_mut(row as usize) {
            (server.host, server.gpu_slot) = (Some(at), slot.map(|slot| slot as u8));
        }
        true
    }

    /// Takes a server's allocations away; `host` stays in a deleted server's row, as Nova keeps it. Generations rise
    /// where Nova hands the allocations on (a move), not where it deletes them: Placement does not count that.
    fn release(&mut self, row: u32, moves: bool) {
        let Some(server) = self.servers.get(row as usize) else { return };
        let (need, slot) = (self.need_of(server), server.gpu_slot.map(usize::from));
        let gpus = self.flavor_of(server).map_or(0, |flavor| flavor.gpus);
        let Some(host) = server.host.and_then(|at| self.hosts.get_mut(at as usize)) else { return };
        host.used.subtract(need);
        host.generation += u32::from(moves);
        host.servers.retain(|other| *other != row);
        if let Some(slot) = slot
            && let (Some(used), Some(generation)) = (host.gpus_used.get_mut(slot), host.gpu_generations.get_mut(slot))
        {
            *used = used.saturating_sub(gpus);
            *generation += u32::from(moves);
        }
    }
}

/// -0.5 at night and on weekends, up to 0.5 on weekday afternoons.
fn tide(at: Timestamp) -> f64 {
    let hours = at.seconds() / 3600.0;
    let day = ((hours.rem_euclid(24.0) - 14.0) / 24.0 * std::f64::consts::TAU).cos() * 0.5;
    // 1970-01-01 was a Thursday.
    let weekend = ((hours / 24.0).floor() as i64 + 3).rem_euclid(7) >= 5;
    if weekend { day * 0.3 - 0.2 } else { day }
}

/// An action for a number from 0 to 1; `shift` moves weight from deleting to creating.
fn draw(number: f64, shift: f64) -> Action {
    let create = 0.30 + shift;
    let rest = [
        (0.60, Action::Delete),
        (0.70, Action::Stop),
        (0.80, Action::Start),
        (0.85, Action::Resize),
        (0.90, Action::Migrate),
        (0.905, Action::Break),
    ];
    if number < create {
        return Action::Create;
    }
    rest.iter().find(|(end, _)| number < *end).map_or(Action::Touch, |(_, action)| *action)
}
