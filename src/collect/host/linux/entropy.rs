//! The kernel's pool of randomness.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Bits of entropy in the kernel's pool.
    AVAILABLE = gauge "host_entropy_available_bits" [], Count, "/proc/sys/kernel/random/entropy_avail";
    /// Bits that the pool holds at most.
    POOL_SIZE = gauge "host_entropy_pool_size_bits" [], Count, "/proc/sys/kernel/random/poolsize";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for (file, row) in [("entropy_avail", &AVAILABLE), ("poolsize", &POOL_SIZE)] {
        if let Some(bits) = state.number(&state.proc("sys/kernel/random").join(file)) {
            part.put(row, [], bits);
        }
    }
    Ok(())
}
