//! What is wrong now, by topic, as the API tells it.

use serde::Deserialize;

use super::Finding;
use crate::report::ask::{Answers, AskError, Page, get};
use crate::report::figures::{Place, percent};
use crate::report::settings::{Notices, Topic};

/// Rows that are looked at.
const ROWS_MAX: usize = 1000;

/// What is wrong of a topic; none while that cannot be said: not everything has been read yet, or nobody answers.
pub(in crate::report) async fn look(answers: &dyn Answers, topic: Topic, settings: &Notices) -> Option<Vec<Finding>> {
    let found = match topic {
        Topic::Cloud => clouds(answers).await,
        Topic::Risk => risks(answers, &settings.risk_scopes).await,
        Topic::Anomaly => anomalies(answers).await,
    };
    found.unwrap_or_else(|error| {
        tracing::debug!(%error, topic = topic.name(), "notices cannot look");
        None
    })
}

async fn clouds(answers: &dyn Answers) -> Result<Option<Vec<Finding>>, AskError> {
    #[derive(Deserialize)]
    struct Status {
        clouds: Vec<Cloud>,
    }
    #[derive(Deserialize)]
    struct Cloud {
        cloud: String,
        up: bool,
        detail: String,
    }
    // Ready or not: a cloud that does not even log in never is. What lasts for the hold is no start.
    let status = get::<Status>(answers, "/api/status").await?;
    let down = status.body.clouds.into_iter().filter(|cloud| !cloud.up).map(|cloud| Finding {
        key: format!("cloud/{}", cloud.cloud),
        topic: Topic::Cloud,
        level: 3,
        text: format!("cloud {}: {}", cloud.cloud, cloud.detail),
    });
    Ok(Some(down.collect()))
}

async fn risks(answers: &dyn Answers, scopes: &[String]) -> Result<Option<Vec<Finding>>, AskError> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(flatten)]
        place: Place,
        overall_risk: String,
        resources: Vec<Resource>,
    }
    #[derive(Deserialize)]
    struct Resource {
        resource: String,
        utilization_ratio: f64,
        risk: String,
    }
    let mut findings = Vec::new();
    for scope in scopes {
        let question = format!("/api/analysis?risk=high&scope={scope}&limit={ROWS_MAX}");
        let answer = get::<Page<Row>>(answers, &question).await?;
        if !answer.ready {
            return Ok(None);
        }
        findings.extend(answer.body.items.into_iter().map(|row| {
            let worst = row.resources.iter().filter(|resource| resource.risk == row.overall_risk);
            let why = worst.map(|worst| format!("{} {}", worst.resource, percent(worst.utilization_ratio)));
            let why = why.collect::<Vec<_>>().join(", ");
            let name = row.place.name(true);
            Finding {
                key: format!("risk/{name}"),
                topic: Topic::Risk,
                level: if row.overall_risk == "critical" { 3 } else { 2 },
                text: format!("{name}: {} risk ({why})", row.overall_risk),
            }
        }));
    }
    Ok(Some(findings))
}

async fn anomalies(answers: &dyn Answers) -> Result<Option<Vec<Finding>>, AskError> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(flatten)]
        place: Place,
        signal_label: String,
        reason: String,
    }
    let answer = get::<Page<Row>>(answers, &format!("/api/v1/anomalies?limit={ROWS_MAX}")).await?;
    if !answer.ready {
        return Ok(None);
    }
    let found = answer.body.items.into_iter().map(|row| {
        let name = row.place.name(true);
        Finding {
            key: format!("anomaly/{name}/{}", row.signal_label),
            topic: Topic::Anomaly,
            level: 1,
            text: format!("{name}: {} is unusual: {}", row.signal_label.replace('_', " "), row.reason),
        }
    });
    Ok(Some(found.collect()))
}
