//! The OpenStack client against small made-up services over real sockets: what a service may do to us.
mod fake;
mod login;
mod paging;
mod secrets;
mod tls;
mod transport;
