//! The control path `/_demo/`: faults, statistics, time and tokens, for tests in other processes. Loopback only.

use std::time::Duration;

use axum::http::Method;

use super::call::Answer;
use super::cloud::Cloud;
use super::fault::FaultPlan;

/// Answers a control request; `path` is what stands behind `/_demo/`.
pub(crate) fn answer(cloud: &Cloud, method: &Method, path: &str, query: &str, body: &[u8]) -> Answer {
    match (method.as_str(), path) {
        ("GET", "faults") => json(&cloud.faults.current()),
        ("PUT", "faults") => match serde_json::from_slice::<FaultPlan>(body) {
            Ok(plan) => {
                cloud.faults.set(plan);
                json(&cloud.faults.current())
            }
            Err(error) => refuse(&format!("fault plan not understood: {error}")),
        },
        ("DELETE", "faults") => {
            cloud.faults.clear();
            json(&cloud.faults.current())
        }
        ("GET", "stats") => json(&cloud.stats.read()),
        ("DELETE", "stats") => {
            cloud.stats.reset();
            json(&cloud.stats.read())
        }
        ("POST", "advance") => advance(cloud, query),
        ("POST", "revoke") => json(&serde_json::json!({"revoked": cloud.tokens().revoke_all()})),
        _ => Answer::new(404, b"{\"error\": \"known are faults, stats, advance?seconds= and revoke\"}".to_vec()),
    }
}

/// Moves a manual clock; the system clock cannot be moved, and the answer then shows so.
fn advance(cloud: &Cloud, query: &str) -> Answer {
    let Some(seconds) = query.strip_prefix("seconds=").and_then(|seconds| seconds.parse().ok()) else {
        return refuse("give advance?seconds= with a whole number");
    };
    let to = cloud.clock.now().plus(Duration::from_secs(seconds));
    cloud.clock.set(to);
    json(&serde_json::json!({"now": cloud.clock.now().to_string()}))
}

fn refuse(message: &str) -> Answer {
    Answer::new(400, serde_json::json!({"error": message}).to_string().into_bytes())
}

fn json(value: &impl serde::Serialize) -> Answer {
    serde_json::to_vec(value).map_or_else(|_| Answer::new(500, Vec::new()), |body| Answer::new(200, body))
}
