//! What several integration tests share. Each test binary uses its own part of it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

pub mod exposition;
pub mod process;
