//! Asks file systems for their sizes without ever hanging the run: a dead NFS server holds its caller for ever.
//!
//! A worker thread asks. When it does not answer in time, its mount point is stuck: the worker is left behind (it ends
//! by itself when the server comes back) and a new one asks for the rest. A stuck mount point is not asked again
//! until its worker has returned, so there is at most one thread per stuck mount point.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// More stuck mount points than this in one run: the rest waits for the next run, which keeps a run short.
const STUCK_PER_RUN_MAX: usize = 2;

/// Workers left behind at once, all runs together; behind that, only answering mount points are asked.
const STUCK_MAX: usize = 64;

/// Sizes of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) size_bytes: u64,
    pub(super) free_bytes: u64,
    pub(super) available_bytes: u64,
    pub(super) files: u64,
    pub(super) files_free: u64,
}

/// What a mount point said.
#[derive(Debug)]
pub(super) enum Answer {
    Usage(Usage),
    Failed(io::Error),
    /// It does not answer, now or since an earlier run.
    Stuck,
    /// Too many others are stuck; it is asked in the next run.
    NotAsked,
}

/// How a file system is asked; replaced in tests, since only a dead server can play one.
type Ask = fn(&Path) -> io::Result<Usage>;

#[derive(Debug)]
pub(super) struct Prober {
    ask: Ask,
    /// The worker that answers at present.
    requests: Option<Sender<PathBuf>>,
    answer: Sender<(PathBuf, io::Result<Usage>)>,
    answers: Receiver<(PathBuf, io::Result<Usage>)>,
    stuck: HashSet<PathBuf>,
    stuck_in_this_run: usize,
}

impl Default for Prober {
    fn default() -> Self {
        Self::new(statfs)
    }
}

impl Prober {
    fn new(ask: Ask) -> Self {
        let (answer, answers) = channel();
        Self { ask, requests: None, answer, answers, stuck: HashSet::new(), stuck_in_this_run: 0 }
    }

    /// Starts a run: who was stuck and has answered since may be asked again.
    pub(super) fn begin_run(&mut self) {
        self.stuck_in_this_run = 0;
        while let Ok((path, _)) = self.answers.try_recv() {
            self.stuck.remove(&path);
        }
    }

    /// Asks a mount point, for at most `limit`.
    pub(super) fn ask(&mut self, path: &Path, limit: Duration) -> Answer {
        if self.stuck.contains(path) {
            return Answer::Stuck;
        }
        if self.stuck_in_this_run >= STUCK_PER_RUN_MAX || self.stuck.len() >= STUCK_MAX {
            return Answer::NotAsked;
        }
        if let Err(error) = self.request(path) {
            return Answer::Failed(error);
        }
        let deadline = Instant::now() + limit;
        loop {
            match self.answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((answered, result)) if answered == path => {
                    return match result {
                        Ok(usage) => Answer::Usage(usage),
                        Err(error) => Answer::Failed(error),
                    };
                }
                Ok((other, _)) => {
                    self.stuck.remove(&other);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.stuck.insert(path.to_owned());
                    self.stuck_in_this_run += 1;
                    // Its channel closes, so that it ends once it comes back.
                    self.requests = None;
                    return Answer::Stuck;
                }
            }
        }
    }

    fn request(&mut self, path: &Path) -> io::Result<()> {
        let requests = match self.requests.take() {
            Some(requests) => requests,
            None => self.start_worker()?,
        };
        if requests.send(path.to_owned()).is_err() {
            return Err(io::Error::other("the thread that asks file systems has ended"));
        }
        self.requests = Some(requests);
        Ok(())
    }

    fn start_worker(&self) -> io::Result<Sender<PathBuf>> {
        let (requests, paths) = channel::<PathBuf>();
        let (ask, answer) = (self.ask, self.answer.clone());
        let work = move || {
            for path in paths {
                let result = ask(&path);
                if answer.send((path, result)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("host-statfs".to_owned()).spawn(work)?;
        Ok(requests)
    }
}

fn statfs(path: &Path) -> io::Result<Usage> {
    let answer = rustix::fs::statfs(path)?;
    let block = u64::try_from(answer.f_bsize).unwrap_or(0);
    Ok(Usage {
        size_bytes: answer.f_blocks.saturating_mul(block),
        free_bytes: answer.f_bfree.saturating_mul(block),
        available_bytes: answer.f_bavail.saturating_mul(block),
        files: answer.f_files,
        files_free: answer.f_ffree,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    static SERVER_IS_BACK: AtomicBool = AtomicBool::new(false);
    const LIMIT: Duration = Duration::from_millis(60);

    fn ask(path: &Path) -> io::Result<Usage> {
        while path.starts_with("/dead") && !SERVER_IS_BACK.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(2));
        }
        if path.starts_with("/broken") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Usage { size_bytes: 1, free_bytes: 1, available_bytes: 1, files: 1, files_free: 1 })
    }

    #[test]
    fn a_dead_server_is_waited_for_once_and_comes_back() {
        let mut prober = Prober::new(ask);
        prober.begin_run();
        let start = Instant::now();
        assert!(matches!(prober.ask(Path::new("/"), LIMIT), Answer::Usage(_)));
        assert!(matches!(prober.ask(Path::new("/broken"), LIMIT), Answer::Failed(_)));
        for dead in ["/dead/1", "/dead/2"] {
            assert!(matches!(prober.ask(Path::new(dead), LIMIT), Answer::Stuck));
        }
        assert!(matches!(prober.ask(Path::new("/dead/3"), LIMIT), Answer::NotAsked));
        assert!(start.elapsed() < LIMIT * 10);

        prober.begin_run();
        let start = Instant::now();
        assert!(matches!(prober.ask(Path::new("/dead/1"), LIMIT), Answer::Stuck));
        assert!(start.elapsed() < LIMIT, "what is stuck is not waited for again");
        assert!(matches!(prober.ask(Path::new("/"), LIMIT), Answer::Usage(_)));

        SERVER_IS_BACK.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            prober.begin_run();
            if matches!(prober.ask(Path::new("/dead/1"), LIMIT), Answer::Usage(_)) {
                break;
            }
            assert!(Instant::now() < deadline, "an answer frees the mount point");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_root_file_system_answers() {
        let usage = statfs(Path::new("/")).unwrap();
        assert!(usage.size_bytes >= usage.free_bytes && usage.free_bytes >= usage.available_bytes);
    }
}
