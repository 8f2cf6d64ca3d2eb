//! What series say about the present and the future. Pure: no I/O, no clock, no tasks.
pub mod anomaly;
