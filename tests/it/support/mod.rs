//! What several tests share.

pub mod exposition;
pub mod process;
pub mod smtp;
