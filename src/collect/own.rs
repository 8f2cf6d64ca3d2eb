//! Self metrics. (stub)

crate::metrics! {
    /// 1 when the collector's last run succeeded.
    COLLECTOR_SUCCESS = gauge "stackcast_collector_success" [collector], Bool, "stackcast itself";
}
