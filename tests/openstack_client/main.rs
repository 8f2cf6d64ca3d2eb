//! The OpenStack client against small made-up services over real sockets: what a service may do to us.
#![allow(clippy::unwrap_used, clippy::unwrap_in_result, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fake;
mod login;
mod paging;
mod secrets;
mod tls;
mod transport;
