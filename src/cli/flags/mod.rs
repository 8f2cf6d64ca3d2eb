//! Flags that set configuration keys; those of openstack-exporter under their own names.
//!
//! A flag only says which key it sets to what: types, ranges and names are checked where settings are loaded, so
//! that a flag, a variable and a file give the same message.

mod foreign;
mod services;

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::config::{Override, Sources};

/// Flags of every command that needs the configuration.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Flags {
    /// Cloud of clouds.yaml to serve [default: OS_CLOUD, else all of them]
    #[arg(value_name = "CLOUD")]
    pub(super) cloud: Option<String>,
    /// Configuration file [default: the first of stackcast.toml, stackcast.yaml, both also in /etc/stackcast]
    #[arg(long, short, value_name = "FILE", env = "STACKCAST_CONFIG")]
    config: Option<PathBuf>,
    /// The clouds.yaml to read [default: as OpenStack clients do]
    #[arg(long, value_name = "FILE")]
    os_client_config: Option<PathBuf>,
    /// Endpoints of the catalog to use [default: `interface` of the cloud, else public]
    #[arg(long, value_name = "TYPE", value_parser = ["public", "internal", "admin"])]
    endpoint_type: Option<String>,
    /// Address to listen on, repeatable [default: 127.0.0.1:9180]
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    listen_addresses: Vec<String>,
    /// Path of the metrics page [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    telemetry_path: Option<String>,
    /// TLS and basic auth, in the form of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// Prefix of the cloud's families [default: openstack]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Leave out a family, repeatable: `nova-flavors` or its full name
    #[arg(long = "disable-metric", short = 'd', value_name = "METRIC")]
    disable_metrics: Vec<String>,
    /// Leave out families that cost one call per project or more
    #[arg(long)]
    disable_slow_metrics: bool,
    /// Leave out families that are kept for compatibility only
    #[arg(long)]
    disable_deprecated_metrics: bool,
    /// Behave as openstack-exporter: its families only, its values and quirks, its address
    #[arg(long)]
    compat: bool,
    /// Serve any cloud of clouds.yaml at /probe?cloud=NAME
    #[arg(long)]
    multi_cloud: bool,
    /// Export how long each family took to collect
    #[arg(long)]
    collect_metric_time: bool,
    /// Take every service that is not disabled as present, whatever the catalog says
    #[arg(long)]
    disable_service_autodetect: bool,
    /// Collect this project only, by id
    #[arg(long, value_name = "ID")]
    project_id: Option<String>,
    /// Collect this domain only, by id
    #[arg(long, value_name = "ID")]
    domain_id: Option<String>,
    /// Metadata of instances as labels of openstack_nova_server_status
    #[arg(long = "nova.metadata-extra-labels", value_name = "LABEL=KEY,...", value_delimiter = ',', value_parser = pair)]
    metadata_labels: Vec<(String, String)>,
    /// Listen on the sockets that systemd hands over, instead of addresses
    #[arg(long = "web.systemd-socket")]
    systemd_socket: bool,
    /// Least severe level of the log [default: info]
    #[arg(long = "log.level", value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    log_level: Option<String>,
    /// Form of the log; logfmt stands for text [default: text]
    #[arg(long = "log.format", value_name = "FORMAT", value_parser = ["text", "json", "logfmt"])]
    log_format: Option<String>,
    #[command(flatten)]
    services: services::Services,
    #[command(flatten)]
    foreign: foreign::Foreign,
}

impl Flags {
    /// Of a command that has no flags for single settings.
    pub(super) fn of_file(config: Option<PathBuf>) -> Self {
        Self { config, ..Self::default() }
    }

    /// Where the settings come from with these flags.
    pub(super) fn sources(&self) -> Sources {
        Sources::of_process(self.config.clone(), self.overrides())
    }

    /// What to tell about flags that have nothing to do here.
    pub(super) fn notes(&self) -> Vec<&'static str> {
        self.foreign.notes()
    }

    /// The keys that the flags set.
    fn overrides(&self) -> Vec<Override> {
        let mut set = Set(Vec::new());
        set.text("CLOUD", &["clouds", "names"], self.cloud.as_ref().map(|cloud| Value::from(vec![cloud.as_str()])));
        set.text("--os-client-config", &["clouds", "file"], path(self.os_client_config.as_ref()));
        set.text("--endpoint-type", &["clouds", "endpoint_type"], self.endpoint_type.clone().map(Value::from));
        set.list("--web.listen-address", &["expose", "listen_addresses"], &self.listen_addresses);
        set.text("--web.telemetry-path", &["expose", "telemetry_path"], self.telemetry_path.clone().map(Value::from));
        set.text("--web.config.file", &["expose", "web_config_file"], path(self.web_config_file.as_ref()));
        set.text("--prefix", &["expose", "naming", "prefix"], self.prefix.clone().map(Value::from));
        set.list("--disable-metric", &["filter", "disable_metrics"], &self.disable_metrics);
        set.switch("--disable-slow-metrics", &["filter", "disable_slow"], self.disable_slow_metrics);
        set.switch("--disable-deprecated-metrics", &["filter", "disable_deprecated"], self.disable_deprecated_metrics);
        set.text("--log.level", &["log", "level"], self.log_level.clone().map(Value::from));
        let format = self.log_format.as_deref().map(|format| if format == "logfmt" { "text" } else { format });
        set.text("--log.format", &["log", "format"], format.map(Value::from));
        self.set_scope(&mut set);
        for (flag, name, enabled) in self.services.chosen() {
            set.text(flag, &["collect", "services", name, "enabled"], Some(Value::from(enabled)));
        }
        set.0
    }

    /// Keys that say what of which cloud is collected, and how the whole behaves.
    fn set_scope(&self, set: &mut Set) {
        set.text("--compat", &["compat"], self.compat.then(|| Value::from("openstack-exporter")));
        set.switch("--multi-cloud", &["clouds", "multi_cloud"], self.multi_cloud);
        set.switch("--collect-metric-time", &["collect", "metric_time"], self.collect_metric_time);
        set.switch("--disable-service-autodetect", &["collect", "ignore_catalog"], self.disable_service_autodetect);
        set.text("--project-id", &["collect", "scope", "project_id"], self.project_id.clone().map(Value::from));
        set.text("--domain-id", &["collect", "scope", "domain_id"], self.domain_id.clone().map(Value::from));
        set.switch("--web.systemd-socket", &["expose", "systemd_socket"], self.systemd_socket);
        for (label, key) in &self.metadata_labels {
            let path = ["collect", "servers", "metadata_labels", label];
            set.text("--nova.metadata-extra-labels", &path, Some(Value::from(key.as_str())));
        }
    }
}

/// `LABEL=KEY`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((label, key)) if !label.is_empty() && !key.is_empty() => Ok((label.to_owned(), key.to_owned())),
        _ => Err("expected a form like LABEL=KEY,LABEL=KEY".to_owned()),
    }
}

fn path(path: Option<&PathBuf>) -> Option<Value> {
    path.map(|path| Value::from(path.to_string_lossy()))
}

/// Keys set so far.
struct Set(Vec<Override>);

impl Set {
    fn text(&mut self, flag: &'static str, path: &[&str], value: Option<Value>) {
        let path = path.iter().map(|&name| name.to_owned()).collect();
        self.0.extend(value.map(|value| Override { flag, path, value }));
    }

    fn list(&mut self, flag: &'static str, path: &[&str], values: &[String]) {
        self.text(flag, path, (!values.is_empty()).then(|| Value::from(values)));
    }

    fn switch(&mut self, flag: &'static str, path: &[&str], on: bool) {
        self.text(flag, path, on.then_some(Value::Bool(true)));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(words: &[&str]) -> Flags {
        Line::try_parse_from([&["stackcast"], words].concat()).unwrap().flags
    }

    fn load(words: &[&str]) -> crate::config::Settings {
        let sources = Sources { overrides: flags(words).overrides(), ..Sources::default() };
        sources.load().unwrap().settings
    }

    #[test]
    fn every_flag_sets_its_key() {
        let set = load(&[
            "--os-client-config=/c.yaml",
            "--endpoint-type",
            "internal",
            "--web.listen-address=:9180",
            "--web.listen-address=127.0.0.1:1",
            "--web.telemetry-path=/m",
            "--web.config.file=/w.yml",
            "--prefix=os",
            "-d",
            "nova-flavors",
            "--disable-metric=openstack_nova_up",
            "--disable-slow-metrics",
            "--disable-deprecated-metrics",
            "--log.level=debug",
            "--log.format=logfmt",
            "--disable-service.compute",
            "--no-disable-service.placement",
            "--disable-service.network",
            "mycloud",
        ]);
        assert_eq!(set.clouds.names, ["mycloud"]);
        assert_eq!(set.clouds.file, Some(PathBuf::from("/c.yaml")));
        assert_eq!(set.clouds.endpoint_type, Some(crate::config::EndpointType::Internal));
        assert_eq!(set.expose.listen_addresses, ["[::]:9180", "127.0.0.1:1"]);
        assert_eq!(set.expose.telemetry_path, "/m");
        assert_eq!(set.expose.web_config_file, Some(PathBuf::from("/w.yml")));
        assert_eq!(set.expose.naming.prefix, "os");
        assert_eq!(set.filter.disable_metrics, ["nova-flavors", "openstack_nova_up"]);
        assert!(set.filter.disable_slow && set.filter.disable_deprecated);
        assert_eq!(set.log.level.name(), "debug");
        let enabled = |name: &str| set.collect.services.get(name).and_then(|service| service.enabled);
        assert_eq!(
            (enabled("compute"), enabled("placement"), enabled("network")),
            (Some(false), Some(true), Some(false))
        );
        assert_eq!(enabled("identity"), None, "unset stays automatic");
    }

    #[test]
    fn no_flag_sets_nothing() {
        assert_eq!(flags(&[]).overrides(), []);
    }

    #[test]
    fn flags_of_the_scope() {
        let set = load(&[
            "--compat",
            "--multi-cloud",
            "--collect-metric-time",
            "--disable-service-autodetect",
            "--project-id=p",
            "--domain-id=d",
            "--nova.metadata-extra-labels",
            "team=owner,cost=cost-centre",
            "--web.systemd-socket",
        ]);
        assert!(set.collect.compat && set.clouds.multi_cloud && set.clouds.is_per_cloud());
        assert!(set.collect.metric_time && set.collect.ignore_catalog && set.expose.systemd_socket);
        let scope = &set.collect.scope;
        assert_eq!((scope.project_id.as_deref(), scope.domain_id.as_deref()), (Some("p"), Some("d")));
        let labels: Vec<_> =
            set.collect.servers.metadata_labels.iter().map(|(l, k)| (l.as_str(), k.as_str())).collect();
        assert_eq!(labels, [("cost", "cost-centre"), ("team", "owner")]);
        assert!(Line::try_parse_from(["stackcast", "--nova.metadata-extra-labels=team"]).is_err());
    }

    #[test]
    fn what_is_needless_is_accepted_and_said() {
        let notes = |words: &[&str]| flags(words).foreign.notes().len();
        assert_eq!(
            notes(&["--cache", "--cache-ttl=300s", "--disable-cinder-agent-uuid", "--dns-concurrent-count=3"]),
            4
        );
        assert_eq!(notes(&["--no-disable-service.dns"]), 0);
    }
}
