//! stackcast
pub mod analyse;
pub mod cli;
pub mod collect;
pub mod expose;
pub mod model;
pub mod openstack;
