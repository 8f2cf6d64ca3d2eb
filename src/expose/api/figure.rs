//! Figures for plotly.js: `Plotly.newPlot(element, figure.data, figure.layout)`, or the answer as a whole, whose other
//! members plotly.js passes over.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What plotly.js draws.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Figure {
    /// The traces.
    pub(super) data: Vec<Value>,
    /// Title, axes, margins.
    pub(super) layout: Value,
}

/// A layout that reads well on any background.
pub(super) fn layout(title: &str, x: Value, y: Value) -> Value {
    json!({
        "title": {"text": title},
        "xaxis": x,
        "yaxis": y,
        "margin": {"t": 60, "r": 20},
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    })
}

/// Colours that people with colour-blindness tell apart, as red, green, blue.
pub(super) fn colour(place: usize) -> [u8; 3] {
    const COLOURS: [[u8; 3]; 7] =
        [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [230, 159, 0], [0, 0, 0]];
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or_default()
}
