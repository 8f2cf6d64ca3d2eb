//! Why there is no forecast.

/// Why a series cannot be forecast.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ForecastError {
    /// No row has a finite value.
    #[error("no finite value among {rows} rows: nothing to forecast from")]
    NoData {
        /// Rows given.
        rows: usize,
    },
    /// One value says nothing about what comes next.
    #[error("only {have} step of history: at least 2 are needed")]
    TooShort {
        /// Steps of history.
        have: usize,
    },
    /// The step is zero or negative.
    #[error("a step of {0} s is not a step: it must be at least 1 second")]
    BadStep(i64),
    /// The horizon is zero, or more than was fitted.
    #[error("a horizon of {asked} steps cannot be answered: it must be 1 to {fitted}")]
    BadHorizon {
        /// Steps asked.
        asked: usize,
        /// Steps available.
        fitted: usize,
    },
    /// The level of the interval is not between 0 and 1.
    #[error("an interval level of {0} is not between 0 and 1 (80 % is 0.8)")]
    BadLevel(f64),
    /// A renewed forecast knows the intervals of one level only.
    #[error("an interval level of {asked} needs a fit: this forecast was renewed for {kept}")]
    OtherLevel {
        /// Level asked.
        asked: f64,
        /// Level of the fit.
        kept: f64,
    },
    /// The bounds contradict each other.
    #[error("the lower bound {min} is above the upper bound {max}")]
    BadBounds {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
    },
}
