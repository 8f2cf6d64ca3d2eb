//! stackcast
pub mod collect;
pub mod config;
pub mod expose;
pub mod model;
pub mod openstack;
