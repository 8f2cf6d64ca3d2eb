//! The chain, with real programs: stackcast with a simulated cloud, Prometheus, Alertmanager, mail and Slack.
//!
//! Configuration and rules are those of the repository. Only addresses and timings are changed: every wait is a hundredth,
//! so that all of them keep their order.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::bundle::{read, root, tool};
use crate::support::exposition::{Page, value};
use crate::support::process::{Stackcast, free_port};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long anything may take: a loaded machine, not a promise.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program that is killed in the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &Path, arguments: &[String], folder: &Path) -> Running {
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(log);
    Running(command.spawn().unwrap())
}

/// Messages that arrived, in order.
type Arrived = Arc<Mutex<Vec<String>>>;

/// An SMTP server that takes everything.
async fn mail_sink() -> (u16, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, arrived) = (listener.local_addr().unwrap().port(), Arrived::default());
    let mails = Arc::clone(&arrived);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take_mail(stream, Arc::clone(&mails)));
        }
    });
    (port, arrived)
}

async fn take_mail(stream: TcpStream, mails: Arrived) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let verb = line.get(..4).unwrap_or("").to_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-sink\r\n250 8BITMIME\r\n",
            "QUIT" => b"221 bye\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") && stream.read_line(&mut mail).await? > 0 {}
                mails.lock().unwrap().push(unfolded(&mail));
                b"250 taken\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await?;
        line.clear();
    }
    Ok(())
}

/// Without the soft line ends and escapes of quoted-printable, so that text can be looked for.
fn unfolded(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=3D", "=").replace("\r\n ", " ")
}

/// Slack's webhook.
async fn slack_sink() -> (u16, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, arrived) = (listener.local_addr().unwrap().port(), Arrived::default());
    let messages = Arc::clone(&arrived);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take_post(stream, Arc::clone(&messages)));
        }
    });
    (port, arrived)
}

async fn take_post(stream: TcpStream, messages: Arrived) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    messages.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await
}

/// Every duration behind one of these keys, a hundredth of it.
fn hurried(text: &str, keys: &[&str]) -> String {
    let line = |line: &str| {
        let key = keys.iter().find(|key| line.trim_start().trim_start_matches("- ").starts_with(**key))?;
        let (head, value) = line.split_once(*key)?;
        let unit = value.trim().chars().last()?;
        let number: u64 = value.trim().trim_end_matches(unit).parse().ok()?;
        let seconds = number
            * match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => 86_400,
            };
        Some(format!("{head}{key} {}ms", seconds * 10))
    };
    text.lines().map(|text| line(text).unwrap_or_else(|| text.to_owned()) + "\n").collect()
}

/// The pieces, and where they listen.
struct Chain {
    stackcast: Option<Stackcast>,
    cloud: u16,
    alertmanager: u16,
    mails: Arrived,
    slack: Arrived,
    client: reqwest::Client,
    _programs: Vec<Running>,
    _folder: tempfile::TempDir,
}

impl Chain {
    async fn start(prometheus: &Path, alertmanager: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (cloud, prometheus_port, alertmanager_port) = (free_port(), free_port(), free_port());
        let listen = format!("127.0.0.1:{cloud}");
        let demo = ["demo", "--history", "0", "--hypervisors", "4", "--instances", "20", "--listen", &listen];
        let quick = ["FAST", "MEDIUM", "SLOW"].map(|kind| format!("STACKCAST_COLLECT__INTERVAL__{kind}_SECONDS"));
        let mut environment: Vec<(&str, &str)> = quick.iter().map(|name| (name.as_str(), "1")).collect();
        environment
            .extend([("STACKCAST_OPENSTACK__RETRIES", "0"), ("STACKCAST_EXPOSE__NAMING__CLOUD_LABELS", "always")]);
        let mut stackcast = Stackcast::start(&demo, &environment);
        // An exporter that is not there yet would be told of, and rightly so.
        let up = |page: &Page| value(page, "openstack_nova_up", &[]).filter(|up| *up > 0.0).map(|_| ());
        stackcast.until(120, |page| up(page).ok_or_else(|| "Nova is not up".to_owned())).await;

        let (mail_port, mails) = mail_sink().await;
        let (slack_port, slack) = slack_sink().await;
        let am = alertmanager_folder(folder.path(), mail_port, slack_port);
        let am_arguments = [
            "--config.file=alertmanager.yml".to_owned(),
            "--storage.path=data".to_owned(),
            "--cluster.listen-address=".to_owned(),
            format!("--web.listen-address=127.0.0.1:{alertmanager_port}"),
        ];
        let addresses = [
            ("stackcast:9180", stackcast.address.to_string()),
            ("alertmanager:9093", format!("127.0.0.1:{alertmanager_port}")),
            ("localhost:9090", format!("127.0.0.1:{prometheus_port}")),
        ];
        let prom = prometheus_folder(folder.path(), &addresses);
        let prom_arguments = [
            "--config.file=prometheus.yml".to_owned(),
            "--storage.tsdb.path=data".to_owned(),
            "--rules.alert.resend-delay=1s".to_owned(),
            format!("--web.listen-address=127.0.0.1:{prometheus_port}"),
        ];
        let programs = vec![start(alertmanager, &am_arguments, &am), start(prometheus, &prom_arguments, &prom)];
        Self {
            stackcast: Some(stackcast),
            cloud,
            alertmanager: alertmanager_port,
            mails,
            slack,
            client: reqwest::Client::new(),
            _programs: programs,
            _folder: folder,
        }
    }

    /// Alerts that Alertmanager knows and the matchers take.
    async fn alerts(&self, matchers: &[&str]) -> Vec<serde_json::Value> {
        let filter: String = matchers.iter().map(|matcher| format!("&filter={matcher}")).collect();
        let url = format!("http://127.0.0.1:{}/api/v2/alerts?active=true{filter}", self.alertmanager);
        let Ok(answer) = self.client.get(url).send().await else { return Vec::new() };
        serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default()
    }

    /// Waits for alerts.
    async fn alert(&self, matchers: &[&str], test: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.alerts(matchers).await;
            if let Some(alert) = found.iter().find(|alert| test(alert)) {
                return alert.clone();
            }
            assert!(Instant::now() < deadline, "no such alert: {matchers:?}\n{found:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until there is no such alert.
    async fn alert_ends(&self, matchers: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.alerts(matchers).await;
            if found.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {found:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Puts faults into the cloud, in place of those that are there.
    async fn plant(&self, faults: &str) {
        let url = format!("http://127.0.0.1:{}/_demo/faults", self.cloud);
        let answer = self.client.put(url).body(format!(r#"{{"faults": [{faults}]}}"#)).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

/// What `stackcast render alertmanager` makes of the environment, with shorter waits.
fn alertmanager_folder(folder: &Path, mail: u16, slack: u16) -> PathBuf {
    let out = folder.join("alertmanager");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackcast"));
    command.args(["render", "alertmanager", "--out"]).arg(&out).env_clear();
    command.envs([("SMTP_SERVER", "127.0.0.1"), ("SMTP_REQUIRE_TLS", "false"), ("EMAIL_FROM", "robot@acme.example")]);
    command.envs([("EMAIL_TO_PAGE", "oncall@acme.example"), ("RUNBOOKS_URL", "https://wiki.example")]);
    command.env("SMTP_PORT", mail.to_string()).env("SLACK_WEBHOOK_URL", format!("http://127.0.0.1:{slack}/hook"));
    assert!(command.status().unwrap().success());
    let file = out.join("alertmanager.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, hurried(&text, &["group_wait:", "group_interval:"])).unwrap();
    out
}

/// prometheus.yml and the rules of the repository, with our addresses and shorter waits.
fn prometheus_folder(folder: &Path, addresses: &[(&str, String)]) -> PathBuf {
    let out = folder.join("prometheus");
    std::fs::create_dir_all(out.join("rules")).unwrap();
    let mut text = read("prometheus/prometheus.yml");
    for (ours, theirs) in addresses {
        assert!(text.contains(ours), "{ours}");
        text = text.replace(ours, theirs);
    }
    // A scrape may not take longer than the interval; a hundredth of 15 s is more than this machine can do.
    let text = text.replace("_interval: 15s", "_interval: 1s").replace("scrape_timeout: 10s", "scrape_timeout: 1s");
    std::fs::write(out.join("prometheus.yml"), text).unwrap();
    for entry in std::fs::read_dir(root().join("prometheus/rules")).unwrap() {
        let path = entry.unwrap().path();
        let rules = hurried(&std::fs::read_to_string(&path).unwrap(), &["for:", "keep_firing_for:"]);
        // Rates need some samples in their window, whatever the scrape's interval.
        let rules = rules.replace("[5m]", "[5s]");
        std::fs::write(out.join("rules").join(path.file_name().unwrap()), rules).unwrap();
    }
    out
}

/// Waits until something has arrived that holds all of the texts.
async fn message(arrived: &Arrived, texts: &[&str]) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found =
            arrived.lock().unwrap().iter().find(|message| texts.iter().all(|text| message.contains(text))).cloned();
        if let Some(message) = found {
            return message;
        }
        assert!(Instant::now() < deadline, "nothing with {texts:?} among {:#?}", arrived.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_reaches_people_and_so_does_its_end() {
    let alertmanager = tool("prometheus-alertmanager").or_else(|| tool("alertmanager"));
    let (Some(prometheus), Some(alertmanager)) = (tool("prometheus"), alertmanager) else { return };
    let mut chain = Chain::start(&prometheus, &alertmanager).await;

    // All is well: the watchdog arrives, and nobody is paged. Waits are a hundredth here: that nothing was scraped yet is an
    // alert after three seconds, and ends with the first scrape.
    chain.alert(&["alertname=StackcastWatchdog"], |_| true).await;
    chain.alert_ends(&["alertname=StackcastAbsent"]).await;
    let pages = chain.alerts(&["reaction=page"]).await;
    assert!(pages.is_empty(), "{pages:#?}");

    // Nova answers 503: a page by mail and Slack, with what a person needs.
    chain.plant(r#"{"service": "nova", "effect": {"kind": "status", "code": 503}}"#).await;
    let mail = message(&chain.mails, &["To: oncall@acme.example", "[CRITICAL]", "compute is down"]).await;
    for part in ["text/plain", "text/html", "runbooks.md#openstackservicedown", "Users meet the same API"] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    let slack = message(&chain.slack, &["compute is down", "[CRITICAL]"]).await;
    assert!(slack.contains("https://wiki.example/docs/runbooks.md#openstackservicedown"), "{slack}");

    // Its collectors fail, too, which is known, and told to nobody.
    let known = |alert: &serde_json::Value| alert["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty());
    let inhibited = chain.alert(&["alertname=StackcastCollectorFailing", "service=compute"], known).await;
    assert_eq!(inhibited["status"]["state"], "suppressed");
    let told = chain.mails.lock().unwrap().iter().any(|mail| mail.contains("collector compute."));
    assert!(!told, "{:#?}", chain.mails.lock().unwrap());

    // Nova is back.
    chain.plant("").await;
    message(&chain.mails, &["[RESOLVED]", "compute is down"]).await;
    message(&chain.slack, &["[RESOLVED]", "compute is down"]).await;

    // stackcast dies: that alone is told.
    drop(chain.stackcast.take());
    message(&chain.mails, &["To: oncall@acme.example", "[CRITICAL]", "cannot be scraped"]).await;
    message(&chain.slack, &["cannot be scraped"]).await;
}

/// Pairs of alerts at a real Alertmanager: the first silences the second, and only where they are about the same thing.
#[tokio::test(flavor = "multi_thread")]
async fn what_explains_an_alert_silences_it() {
    let Some(program) = tool("prometheus-alertmanager").or_else(|| tool("alertmanager")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let out = alertmanager_folder(folder.path(), 9, 9);
    let arguments = [
        "--config.file=alertmanager.yml".to_owned(),
        "--storage.path=data".to_owned(),
        "--cluster.listen-address=".to_owned(),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    let _running = start(&program, &arguments, &out);
    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{port}/api/v2/alerts");
    let alert = |case: usize, side: &str, labels: &str| {
        let mut all = serde_json::Map::new();
        let own = format!("case={case} side={side} instance=i{case} cloud=c region=r {labels}");
        all.extend(
            own.split(' ')
                .filter_map(|pair| Some((pair.split_once('=')?.0.to_owned(), pair.split_once('=')?.1.into()))),
        );
        serde_json::json!({"labels": all})
    };
    let mut posted = Vec::new();
    for (case, (source, target, other)) in PAIRS.iter().enumerate() {
        posted.extend([alert(case, "source", source), alert(case, "target", target), alert(case, "other", other)]);
    }
    let deadline = Instant::now() + PATIENCE;
    let body = serde_json::to_string(&posted).unwrap();
    while client.post(&url).header("Content-Type", "application/json").body(body.clone()).send().await.is_err() {
        assert!(Instant::now() < deadline, "Alertmanager does not listen");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let state = |alerts: &[serde_json::Value], case: usize, side: &str| {
        let case = case.to_string();
        let is = |alert: &&serde_json::Value| {
            alert["labels"]["case"].as_str() == Some(&case) && alert["labels"]["side"] == side
        };
        alerts.iter().find(is).map_or_else(String::new, |alert| alert["status"]["state"].as_str().unwrap().to_owned())
    };
    // States are found while messages are made up, shortly after the alerts arrive.
    loop {
        let text = client.get(&url).send().await.unwrap().text().await.unwrap();
        let alerts: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let wrong = |case: &usize| {
            let found = ["source", "target", "other"].map(|side| state(&alerts, *case, side));
            found != ["active", "suppressed", "active"]
        };
        let wrong: Vec<_> = (0..PAIRS.len()).filter(wrong).map(|case| PAIRS[case]).collect();
        if wrong.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{wrong:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What silences, what is silenced by it, and what is not, though it is near.
const PAIRS: [(&str, &str, &str); 14] = [
    (
        "alertname=StackcastDown",
        "alertname=OpenStackAgentDown reaction=ticket",
        "alertname=StackcastWatchdog reaction=heartbeat",
    ),
    (
        "alertname=OpenStackServiceDown service=compute",
        "alertname=StackcastCollectorFailing service=compute",
        "alertname=StackcastCollectorFailing service=network",
    ),
    (
        "alertname=OpenStackEndpointDown service=image",
        "alertname=OpenStackApiSlow service=image",
        "alertname=OpenStackApiSlow service=dns",
    ),
    (
        "alertname=OpenStackCapacityNearlyFull severity=critical scope=az entity=a resource=vcpu",
        "alertname=OpenStackCapacityNearlyFull severity=warning scope=az entity=a resource=vcpu",
        "alertname=OpenStackCapacityNearlyFull severity=warning scope=az entity=b resource=vcpu",
    ),
    (
        "alertname=OpenStackCapacityPredicted severity=warning scope=az entity=a",
        "alertname=OpenStackCapacityPredicted severity=info scope=az entity=a",
        "alertname=OpenStackCapacityGrowing severity=info scope=az entity=a",
    ),
    (
        "alertname=OpenStackHostLost hostname=h1",
        "alertname=OpenStackAgentDown hostname=h1",
        "alertname=OpenStackAgentDown hostname=h2",
    ),
    (
        "alertname=OpenStackAgentGroupDown agent=nova-compute",
        "alertname=OpenStackAgentDown agent=nova-compute",
        "alertname=OpenStackAgentDown agent=nova-scheduler",
    ),
    (
        "alertname=OpenStackCapacityNearlyFull scope=az entity=a resource=memory",
        "alertname=OpenStackCapacityExhaustionSoon scope=az entity=a resource=memory",
        "alertname=OpenStackCapacityExhaustionSoon scope=az entity=a resource=disk",
    ),
    (
        "alertname=OpenStackVolumePoolNearlyFull name=p",
        "alertname=OpenStackVolumePoolFilling name=p",
        "alertname=OpenStackVolumePoolFilling name=q",
    ),
    (
        "alertname=OpenStackAddressesNearlyExhausted network_id=n",
        "alertname=OpenStackAddressesExhaustionSoon network_id=n",
        "alertname=OpenStackAddressesExhaustionSoon network_id=m",
    ),
    (
        "alertname=HostFilesystemNearlyFull mountpoint=/",
        "alertname=HostFilesystemFilling mountpoint=/",
        "alertname=HostFilesystemFilling mountpoint=/var",
    ),
    (
        "alertname=StackcastForecastStale",
        "alertname=OpenStackCapacityPredicted scope=az entity=a",
        "alertname=OpenStackCapacityNearlyFull scope=az entity=a",
    ),
    (
        "alertname=AnomalyWidespread scope=hypervisor",
        "alertname=AnomalySustained scope=hypervisor",
        "alertname=AnomalySustained scope=az",
    ),
    (
        "alertname=AnomalyWidespread scope=project",
        "alertname=AnomalyViolent scope=project",
        "alertname=HypervisorUnlikePeers",
    ),
];
