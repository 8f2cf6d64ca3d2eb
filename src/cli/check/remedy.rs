//! What to do about a collector that is blind or fails, and about a login that fails.

use super::{Row, Verdict};
use crate::collect::health::Visibility;
use crate::openstack::error::ErrorKind;

/// What to do about a row that is not all right.
pub(super) fn of_row(row: &Row) -> Option<String> {
    match row.verdict() {
        Verdict::Ok => None,
        Verdict::Blind(Visibility::Project) => Some(
            "sees its own project only: give the user a role for the whole cloud, such as admin, or reader with system scope"
                .to_owned(),
        ),
        Verdict::Blind(_) => Some(format!(
            "give the user a role whose policy allows this, or leave it out: --disable-service.{}",
            row.service
        )),
        Verdict::Unfinished => Some("give it more time: --patience SECONDS".to_owned()),
        Verdict::Failed => row.state.last_error.map(of_kind).map(str::to_owned),
    }
}

/// What to do about a kind of error.
pub(super) fn of_kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => "check user, password, project and domains of the cloud in clouds.yaml",
        ErrorKind::Forbidden => "give the user a role whose policy allows this",
        ErrorKind::NotFound => "check the endpoint in the catalog: it answers, but does not know this path",
        ErrorKind::Version => "the service is too old or too new for this call; please report it with its version",
        ErrorKind::Client => "the service refused the request; please report it",
        ErrorKind::Throttled => "ask more slowly: lower openstack.requests_per_second or openstack.concurrency",
        ErrorKind::Server => "look into the log of the service: it failed itself",
        ErrorKind::Timeout => "check that the endpoint answers from here, or raise openstack.request_timeout_seconds",
        ErrorKind::Connect => {
            "check that the endpoint can be reached from here; --endpoint-type picks public or internal ones"
        }
        ErrorKind::Tls => "check the certificate; name the authority with `cacert` of the cloud in clouds.yaml",
        ErrorKind::Decode => {
            "the answer is not of the expected form; is a proxy in between? --log.level debug tells more"
        }
        ErrorKind::TooLarge => "raise openstack.body_bytes_max or lower openstack.page_size",
        ErrorKind::Paging => "raise openstack.pages_max; a list without end is a fault of the service",
        ErrorKind::Catalog => "check region and endpoint type, or leave the service out",
        ErrorKind::Config => "correct the cloud in clouds.yaml",
        ErrorKind::Internal => "this is a fault of stackcast; please report it with the log",
    }
}
