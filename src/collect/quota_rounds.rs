//! Asks about every project in turn: what quotas cost in every service, one call per project. Also for other things
//! that take a call each.
//!
//! The first run asks for every project, later runs for the share that keeps every answer younger than the slow
//! interval (or another one); answers in hand are published in between. What to ask and what to make of it is the service's business.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;

use super::health::Visibility;
use super::{Cx, Intervals};
use crate::model::id::Id;
use crate::model::inventory::project::{EveryProject, Project, Projects};
use crate::openstack::error::{Error, ErrorKind};

/// Calls under way at once; the client's own limit is usually the lower one.
const CONCURRENCY: usize = 16;

/// Names of what is asked about, by id.
pub(super) type Subjects = BTreeMap<Id, Arc<str>>;

/// The projects, with the last answer about each.
pub(super) struct Rounds<Q> {
    ran: bool,
    /// Seconds in which each is asked about once.
    pace: fn(&Intervals) -> u64,
    kept: BTreeMap<Id, Kept<Q>>,
}

struct Kept<Q> {
    name: Arc<str>,
    /// None where these credentials may not ask.
    answer: Option<Q>,
    /// When it was asked for last.
    asked: Option<Instant>,
}

impl<Q> Default for Rounds<Q> {
    fn default() -> Self {
        Self::within(|intervals| intervals.slow_seconds)
    }
}

impl<Q> Rounds<Q> {
    /// Rounds that take these many seconds.
    pub(super) fn within(pace: fn(&Intervals) -> u64) -> Self {
        Self { ran: false, pace, kept: BTreeMap::new() }
    }
}

impl<Q: Send> Rounds<Q> {
    /// Asks about the projects whose turn it is; an error that hits every project of the run is the run's.
    pub(super) async fn run<F, A>(&mut self, cx: &Cx, ask: F) -> Result<(), Error>
    where
        F: Fn(Id) -> A + Send,
        A: Future<Output = Result<Q, Error>> + Send,
    {
        let projects = if self.ran { cx.table::<Projects>() } else { cx.wait_for_table::<Projects>().await };
        self.ran = true;
        let projects = match projects {
            Some(projects) => projects,
            None => own_project(cx).await?,
        };
        let subjects = projects.0.iter().map(|(id, project)| (id.clone(), Arc::clone(&project.name)));
        self.ask_about(cx, subjects.collect(), ask).await?;
        if cx.settings.scope.includes_all() && cx.table::<EveryProject>().is_none() {
            cx.report.set_visibility(Visibility::Project);
        }
        Ok(())
    }

    /// The same about other things than projects, by id and name.
    pub(super) async fn ask_about<F, A>(&mut self, cx: &Cx, subjects: Subjects, ask: F) -> Result<(), Error>
    where
        F: Fn(Id) -> A + Send,
        A: Future<Output = Result<Q, Error>> + Send,
    {
        self.follow(subjects);
        let runs = (self.pace)(&cx.settings.interval) / cx.interval.as_secs().max(1);
        let due = self.due(usize::try_from(runs).unwrap_or(usize::MAX));
        let asked = due.into_iter().map(|id| {
            let answer = ask(id.clone());
            async move { (id, answer.await) }
        });
        let answers: Vec<_> = futures_util::stream::iter(asked).buffer_unordered(CONCURRENCY).collect().await;
        for (_, answer) in &answers {
            match answer {
                Ok(_) => cx.report.add_items(1),
                Err(error) if error.kind == ErrorKind::Forbidden => {}
                Err(error) => cx.report.reject("project_failed", &error.to_string()),
            }
        }
        self.take(answers, cx.clock.instant())?;
        if self.kept.values().any(|kept| kept.answer.is_none() && kept.asked.is_some()) {
            cx.report.set_visibility(Visibility::Project);
        }
        Ok(())
    }

    /// Id, name and answer of the projects that are known, by id.
    pub(super) fn known(&self) -> impl Iterator<Item = (&Id, &Arc<str>, &Q)> {
        self.kept.iter().filter_map(|(id, kept)| Some((id, &kept.name, kept.answer.as_ref()?)))
    }

    /// Name, id in print and answer of the same, sorted by name and id: the order of families' labels.
    pub(super) fn by_name(&self) -> Vec<(&str, String, &Q)> {
        let mut known: Vec<_> = self.known().map(|(id, name, answer)| (&**name, id.to_string(), answer)).collect();
        known.sort_unstable_by(|(a_name, a_id, _), (b_name, b_id, _)| (a_name, a_id).cmp(&(b_name, b_id)));
        known
    }

    /// Takes up new subjects and names, forgets those that are gone.
    fn follow(&mut self, subjects: Subjects) {
        self.kept.retain(|id, _| subjects.contains_key(id));
        for (id, name) in subjects {
            let kept =
                self.kept.entry(id).or_insert_with(|| Kept { name: Arc::clone(&name), answer: None, asked: None });
            kept.name = name;
        }
    }

    /// Whom to ask now: all that were never asked, and of the others the longest unasked `1/runs`.
    fn due(&self, runs: usize) -> Vec<Id> {
        let mut ids: Vec<(&Id, Option<Instant>)> = self.kept.iter().map(|(id, kept)| (id, kept.asked)).collect();
        ids.sort_by_key(|(_, asked)| *asked);
        let never = ids.partition_point(|(_, asked)| asked.is_none());
        let share = ids.len().div_ceil(runs.max(1));
        ids.into_iter().take(never.max(share)).map(|(id, _)| id.clone()).collect()
    }

    /// Takes the answers up. One project's failure loses only its own news; what was known of it stays.
    fn take(&mut self, answers: Vec<(Id, Result<Q, Error>)>, now: Instant) -> Result<(), Error> {
        let (mut answered, mut failed, mut forbidden) = (0, None, None);
        for (id, answer) in answers {
            let Some(kept) = self.kept.get_mut(&id) else { continue };
            match answer {
                Ok(answer) => {
                    (kept.answer, kept.asked) = (Some(answer), Some(now));
                    answered += 1;
                }
                Err(error) if error.kind == ErrorKind::Forbidden => {
                    (kept.answer, kept.asked) = (None, Some(now));
                    forbidden = Some(error);
                }
                // One that never answered is asked again in the next run, others when their turn comes.
                Err(error) => {
                    kept.asked = kept.asked.map(|_| now);
                    failed = Some(error);
                }
            }
        }
        let blind = self.kept.values().all(|kept| kept.answer.is_none());
        match failed.or(forbidden.filter(|_| blind)) {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(()),
        }
    }
}

/// The projects whose quotas may be told: the token's own, or all that are known where it sees `all`.
pub(super) async fn projects_in_sight(cx: &Cx, all: bool) -> Result<Arc<Projects>, Error> {
    let projects = if all { cx.wait_for_table::<Projects>().await } else { None };
    match projects {
        Some(projects) => Ok(projects),
        None => own_project(cx).await,
    }
}

/// Without any list of projects there is still the one that the token is for.
async fn own_project(cx: &Cx) -> Result<Arc<Projects>, Error> {
    cx.report.set_visibility(Visibility::Project);
    let session = cx.client.cloud().session().await?;
    let id = session.project_id.as_deref().ok_or_else(|| {
        let detail = "no project is known: the token has none, and projects could not be listed; use a project scope";
        Error::new(ErrorKind::Forbidden, cx.client.service_type(), "quotas", detail)
    })?;
    let name = Arc::from(session.project_name.as_deref().unwrap_or_default());
    let project = Project { name, domain: Arc::from(""), enabled: true };
    Ok(Arc::new(Projects([(Id::new(id), project)].into())))
}

#[cfg(test)]
impl<Q: Send> Rounds<Q> {
    /// Rounds in which these projects, named as their ids, have answered.
    pub(super) fn answered(answers: impl IntoIterator<Item = (&'static str, Q)>) -> Self {
        let kept = |(id, answer)| {
            (Id::new(id), Kept { name: Arc::from(id), answer: Some(answer), asked: Some(Instant::now()) })
        };
        Self { ran: true, kept: answers.into_iter().map(kept).collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn projects(count: usize) -> Subjects {
        (0..count).map(|n| (Id::new(&format!("{n:03}")), Arc::from("p"))).collect()
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "compute", "os-quota-sets", "test")
    }

    #[test]
    fn the_first_run_asks_all_later_runs_a_share_and_none_is_forgotten() {
        let mut rounds = Rounds::default();
        rounds.follow(projects(31));
        let mut now = Instant::now();
        let due = rounds.due(15);
        assert_eq!(due.len(), 31);
        rounds.take(due.into_iter().map(|id| (id, Ok(()))).collect(), now).unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..15 {
            now += Duration::from_secs(60);
            let due = rounds.due(15);
            assert_eq!(due.len(), 3);
            seen.extend(due.iter().cloned());
            rounds.take(due.into_iter().map(|id| (id, Ok(()))).collect(), now).unwrap();
        }
        assert_eq!(seen.len(), 31);
        rounds.follow(projects(40));
        assert_eq!(rounds.due(15).len(), 9, "new projects are asked at once");
        rounds.follow(projects(2));
        assert_eq!(rounds.kept.len(), 2);
    }

    #[test]
    fn one_failure_loses_neither_the_others_nor_what_was_known() {
        let mut rounds = Rounds::default();
        rounds.follow(projects(2));
        let (a, b) = (Id::new("000"), Id::new("001"));
        let now = Instant::now();
        rounds.take(vec![(a.clone(), Ok(())), (b.clone(), Err(error(ErrorKind::Server)))], now).unwrap();
        assert_eq!(rounds.due(1000), std::slice::from_ref(&b), "asked again at once");
        rounds.take(vec![(b.clone(), Ok(()))], now).unwrap();
        assert!(rounds.take(vec![(b.clone(), Err(error(ErrorKind::Timeout)))], now).is_err());
        assert!(rounds.kept[&b].answer.is_some());
        rounds.take(vec![(b.clone(), Err(error(ErrorKind::Forbidden)))], now).unwrap();
        assert_eq!(rounds.known().map(|(id, ..)| id).collect::<Vec<_>>(), [&a]);
        assert!(rounds.take(vec![(a, Err(error(ErrorKind::Forbidden)))], now).is_err(), "nothing is visible");
    }
}
