//! stackcast
pub mod collect;
pub mod demo;
pub mod expose;
pub mod model;
pub mod openstack;
