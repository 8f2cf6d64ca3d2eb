//! The tests of the program from outside, in one binary: thirty would each be linked with the whole of stackcast, and
//! would wait one after the other. `cargo test --test it serving::` runs a part.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::too_many_lines,
    reason = "nothing outside can reach a test; it may fail, and says what it compared; clippy.toml covers only the functions marked as tests"
)]

/// Speaks past the test runner, which keeps the output of tests that pass.
macro_rules! say {
    ($($text:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*)));
    }};
}

mod bundle;
#[cfg(target_os = "linux")]
mod host_samples;
mod support;

mod against_openstack;
#[allow(dead_code, reason = "the bench uses what the test leaves out")]
mod anomaly_cloud;
mod backfill;
mod bundle_chain;
mod bundle_dashboards;
mod bundle_rules;
mod cli;
mod config;
mod conformance;
mod credentials;
mod exposition;
mod faults;
mod history_faults;
mod history_kill;
mod history_prometheus;
#[cfg(target_os = "linux")]
mod host_fixture;
#[cfg(target_os = "linux")]
mod host_vs_node_exporter;
mod layers;
mod modes;
mod openstack_client;
mod own_signals;
mod platform_services;
mod reference;
mod report;
mod requirements;
mod secrets;
mod serving;
mod small_pages;
mod waste_cloud;
mod workload;
