//! What several integration tests share. Each test binary uses its own part of it.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod exposition;
pub mod process;
