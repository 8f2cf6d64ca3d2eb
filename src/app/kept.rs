//! Forecasts that a server has kept, for commands that look at them without one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::analysis::FORECASTS;
use crate::history::{self, StoreError};
use crate::model::part::Origin;
use crate::model::prediction::{Prediction, Predictions};
use crate::model::signal::SeriesKey;

/// The forecasts that the store in a directory holds, by region; none where there is no store.
pub fn kept_forecasts(directory: &Path) -> Result<BTreeMap<Origin, Predictions>, StoreError> {
    let path = directory.join(history::FILE_NAME);
    let mut kept: BTreeMap<Origin, Predictions> = BTreeMap::new();
    if !path.exists() {
        return Ok(kept);
    }
    for (_, bytes) in history::kept_state(&path, FORECASTS)? {
        // Of other forms is only the time of the last run.
        let Ok(all) = serde_json::from_slice::<Vec<(SeriesKey, Prediction)>>(&bytes) else { continue };
        for (key, prediction) in all {
            kept.entry(key.origin.clone()).or_default().0.insert(Arc::new(key), Arc::new(prediction));
        }
    }
    Ok(kept)
}
