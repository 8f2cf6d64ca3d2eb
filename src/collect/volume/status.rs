//! Statuses of volumes, and openstack-exporter's numbers for them.

/// openstack-exporter's numbers: places in this list. Its counter has a row for each, 0 included.
pub(super) const STATUSES: [&str; 20] = [
    "creating",
    "available",
    "reserved",
    "attaching",
    "detaching",
    "in-use",
    "maintenance",
    "deleting",
    "awaiting-transfer",
    "error",
    "error_deleting",
    "backing-up",
    "restoring-backup",
    "error_backing-up",
    "error_restoring",
    "error_extending",
    "downloading",
    "uploading",
    "retyping",
    "extending",
];

/// The number of a status, of a share's as well; -1 for any other.
pub(in crate::collect) fn status_number(status: &str) -> f64 {
    let known = STATUSES.iter().position(|known| known.eq_ignore_ascii_case(status));
    known.map_or(-1.0, |position| position as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_numbers_of_openstack_exporter() {
        let numbers = ["creating", "available", "in-use", "ERROR", "extending", "shrinking"].map(status_number);
        assert_eq!(numbers, [0.0, 1.0, 5.0, 9.0, 19.0, -1.0]);
    }
}
