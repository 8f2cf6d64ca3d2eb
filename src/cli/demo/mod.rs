//! `stackcast demo`: a simulated cloud on loopback, and stackcast serving its metrics, in one process.
//!
//! The two talk over real sockets and through a clouds.yaml, as with a real cloud; nothing is short-circuited. The cloud
//! has a past: `past` replays it ahead of serving, or into a file.

mod past;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Value;

use super::failure::Failure;
use crate::app;
use crate::config::{Override, Sources};
use crate::demo::{FaultPlan, Settings};
use past::PastFlags;

/// Bytes of a file of faults.
const FAULTS_BYTES_MAX: u64 = 1024 * 1024;

/// Flags of `demo`; unset ones keep the simulated cloud's own defaults.
#[derive(Debug, clap::Args)]
pub(super) struct DemoFlags {
    /// Hypervisors per region
    #[arg(long, value_name = "N")]
    hypervisors: Option<usize>,
    /// Instances per region at the start
    #[arg(long, value_name = "N")]
    instances: Option<usize>,
    /// Projects that own instances
    #[arg(long, value_name = "N")]
    projects: Option<usize>,
    /// The same seed gives the same cloud
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Items per page of the cloud's lists
    #[arg(long, value_name = "N")]
    page_size: Option<usize>,
    /// Fraction of the instances that changes per minute [default: natural daily and weekly churn]
    #[arg(long, value_name = "FRACTION")]
    churn: Option<f64>,
    /// Milliseconds that every answer of the cloud waits
    #[arg(long, value_name = "MS")]
    delay_ms: Option<u64>,
    /// Milliseconds that an answer waits at most on top
    #[arg(long, value_name = "MS")]
    jitter_ms: Option<u64>,
    /// Region, repeatable [default: RegionOne]
    #[arg(long = "region", value_name = "NAME")]
    regions: Vec<String>,
    /// Address of the simulated cloud [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Faults to play, as JSON
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Serve the cloud only, and print its clouds.yaml
    #[arg(long)]
    cloud_only: bool,
    /// Address of the metrics page, repeatable [default: 127.0.0.1:9180]
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    listen_addresses: Vec<String>,
    #[command(flatten)]
    past: PastFlags,
}

impl DemoFlags {
    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        let numbers = [
            (&mut settings.hypervisors, self.hypervisors),
            (&mut settings.instances, self.instances),
            (&mut settings.projects, self.projects),
            (&mut settings.page_size, self.page_size),
        ];
        for (setting, flag) in numbers {
            *setting = flag.unwrap_or(*setting);
        }
        settings.churn_per_minute = self.churn.or(settings.churn_per_minute);
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.delay_ms = self.delay_ms.unwrap_or(settings.delay_ms);
        settings.jitter_ms = self.jitter_ms.unwrap_or(settings.jitter_ms);
        settings.listen = self.listen.unwrap_or(settings.listen);
        if !self.regions.is_empty() {
            settings.regions.clone_from(&self.regions);
        }
        settings
    }

    fn plan(&self) -> Result<FaultPlan, Failure> {
        let Some(path) = &self.faults else { return Ok(FaultPlan::default()) };
        let failed = |error: String| Failure::usage(format!("flag --faults: {}: {error}", path.display()), FAULTS_HINT);
        let bytes = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if bytes > FAULTS_BYTES_MAX {
            return Err(failed(format!("{bytes} bytes are too large")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    /// The exporter's configuration: the demo's cloud, and no file that may lie about.
    fn sources(&self, clouds_yaml: &Path) -> Sources {
        let set = |flag, path: [&str; 2], value| Override { flag, path: path.map(str::to_owned).to_vec(), value };
        let mut sources = Sources::of_process(None, Vec::new());
        sources.search.clear();
        sources.overrides = vec![
            set("demo", ["clouds", "file"], Value::from(clouds_yaml.to_string_lossy())),
            set("demo", ["clouds", "names"], Value::from(vec!["demo"])),
            set("demo", ["data", "directory"], Value::from(clouds_yaml.with_file_name("data").to_string_lossy())),
        ];
        if !self.listen_addresses.is_empty() {
            let addresses = Value::from(self.listen_addresses.as_slice());
            sources.overrides.push(set("--web.listen-address", ["expose", "listen_addresses"], addresses));
        }
        sources
    }
}

const FAULTS_HINT: &str =
    r#"an example: {"faults": [{"service": "nova", "count": 3, "effect": {"kind": "status", "code": 503}}]}"#;

pub(super) fn run(flags: &DemoFlags) -> Result<ExitCode, Failure> {
    let plan = flags.plan()?;
    let folder = Folder::make()?;
    let sources = flags.sources(&folder.clouds_yaml());
    let loaded = sources.load()?;
    super::logging::start(&loaded.settings.log);
    super::block_on(async {
        if flags.past.file().is_some() {
            return past::write(flags, &folder, &loaded.settings).await;
        }
        let demo = past::start(flags, &folder, &loaded.settings).await?;
        demo.faults().set(plan);
        if flags.cloud_only {
            super::output::write(&demo.clouds_yaml())?;
            return stopped().await;
        }
        for address in &loaded.settings.expose.listen_addresses {
            tracing::info!("metrics: http://{address}{}", loaded.settings.expose.telemetry_path);
        }
        let loader: app::Loader = Arc::new(move || sources.load().map(|loaded| loaded.settings));
        app::serve(loader).await.map_err(Failure::from)
    })??;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGINT or SIGTERM.
async fn stopped() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| Failure::new(format!("cannot wait for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome.map_err(failed),
        _ = terminate.recv() => Ok(()),
    }
}

/// A folder that nobody else may read, for the clouds.yaml with the simulated cloud's password; gone in the end.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let path =
            std::env::temp_dir().join(format!("stackcast-demo-{}-{:08x}", std::process::id(), fastrand::u32(..)));
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made = builder.create(&path);
        made.map_err(|error| Failure::new(format!("cannot make {}: {error}", path.display())))?;
        Ok(Self(path))
    }

    fn clouds_yaml(&self) -> PathBuf {
        self.0.join("clouds.yaml")
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        let path = self.clouds_yaml();
        let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left over, it holds the password of a cloud that is gone.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: DemoFlags,
    }

    fn flags(words: &[&str]) -> DemoFlags {
        Line::try_parse_from([&["stackcast"], words].concat()).unwrap().flags
    }

    #[test]
    fn flags_change_what_they_name_and_nothing_else() {
        let settings = flags(&["--hypervisors", "7", "--seed=9", "--region", "a", "--region", "b"]).settings();
        let defaults = Settings::default();
        assert_eq!((settings.hypervisors, settings.seed), (7, 9));
        assert_eq!(settings.regions, ["a", "b"]);
        assert_eq!((settings.instances, settings.page_size), (defaults.instances, defaults.page_size));
    }

    #[test]
    fn faults_that_cannot_be_read_show_the_form() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("faults.json");
        let plan = |text: &str| {
            std::fs::write(&path, text).unwrap();
            flags(&["--faults", path.to_str().unwrap()]).plan()
        };
        let example = FAULTS_HINT.split_once(": ").unwrap().1;
        assert_eq!(plan(example).unwrap().faults.len(), 1, "the example of the hint is sound");
        assert!(plan("{}{").unwrap_err().lines[0].0.starts_with("flag --faults: "));
    }

    #[test]
    fn the_folder_is_private_and_goes() {
        let folder = Folder::make().unwrap();
        folder.write("secret").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&folder.0).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700);
        let path = folder.0.clone();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn the_exporter_is_given_the_simulated_cloud_only() {
        let loaded = flags(&["--web.listen-address=127.0.0.1:1"]).sources(Path::new("/x/clouds.yaml")).load().unwrap();
        assert_eq!(loaded.settings.clouds.names, ["demo"]);
        assert_eq!(loaded.settings.clouds.file.as_deref(), Some(Path::new("/x/clouds.yaml")));
        assert_eq!(loaded.settings.expose.listen_addresses, ["127.0.0.1:1"]);
    }
}
