//! NVIDIA GPUs through NVML, which is loaded at run time: without a driver there is one log line and no series, and
//! the driver is looked for again now and then. Only what the whole device measures; no processes, no MIG instances.

use std::time::{Duration, Instant};

use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::error::HostError;
use super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Model and driver of the GPU.
    INFO = gauge "host_gpu_info" [gpu uuid name driver], Info, "NVML";
    /// Part of the last sample period in which at least one kernel ran.
    UTILIZATION = gauge "host_gpu_utilization_ratio" [gpu uuid], Ratio, "NVML utilization rates";
    /// Part of the last sample period in which device memory was read or written.
    MEMORY_UTILIZATION = gauge "host_gpu_memory_bandwidth_utilization_ratio" [gpu uuid], Ratio, "NVML utilization rates";
    /// Use of the video encoder.
    ENCODER_UTILIZATION = gauge "host_gpu_encoder_utilization_ratio" [gpu uuid], Ratio, "NVML encoder utilization";
    /// Use of the video decoder.
    DECODER_UTILIZATION = gauge "host_gpu_decoder_utilization_ratio" [gpu uuid], Ratio, "NVML decoder utilization";
    /// Device memory.
    MEMORY_TOTAL = gauge "host_gpu_memory_total_bytes" [gpu uuid], Bytes, "NVML memory info";
    /// Device memory in use, without what the driver reserves.
    MEMORY_USED = gauge "host_gpu_memory_used_bytes" [gpu uuid], Bytes, "NVML memory info";
    /// Device memory that nothing uses.
    MEMORY_FREE = gauge "host_gpu_memory_free_bytes" [gpu uuid], Bytes, "NVML memory info";
    /// Power drawn.
    POWER = gauge "host_gpu_power_watts" [gpu uuid], None, "NVML power usage";
    /// Power that the GPU may draw.
    POWER_LIMIT = gauge "host_gpu_power_limit_watts" [gpu uuid], None, "NVML enforced power limit";
    /// Energy used since the driver was loaded.
    ENERGY = counter "host_gpu_energy_joules_total" [gpu uuid], None, "NVML total energy consumption";
    /// Temperature of the GPU.
    TEMPERATURE = gauge "host_gpu_temperature_celsius" [gpu uuid], None, "NVML temperature";
    /// Present frequency of the streaming multiprocessors.
    SM_CLOCK = gauge "host_gpu_sm_clock_hertz" [gpu uuid], None, "NVML clock info";
    /// Present frequency of the memory.
    MEMORY_CLOCK = gauge "host_gpu_memory_clock_hertz" [gpu uuid], None, "NVML clock info";
    /// Fan speed as a part of the highest; absent without fans.
    FAN_SPEED = gauge "host_gpu_fan_speed_ratio" [gpu uuid], Ratio, "NVML fan speed";
    /// Memory errors since the driver was loaded, by whether they were corrected.
    ECC_ERRORS = counter "host_gpu_ecc_errors_total" [gpu uuid type], Count, "NVML total ECC errors";
}

const PERCENT: f64 = 0.01;
const MILLI: f64 = 0.001;
const HERTZ_PER_MEGAHERTZ: f64 = 1e6;

/// How long a missing driver is left alone before it is looked for again.
const RETRY: Duration = Duration::from_secs(300);

/// The library, once it could be loaded.
#[derive(Debug, Default)]
pub(super) struct Gpu {
    nvml: Option<Nvml>,
    tried: Option<Instant>,
    said: bool,
}

impl Gpu {
    fn load(&mut self, now: Instant) -> Option<&Nvml> {
        let due = self.tried.is_none_or(|tried| now.duration_since(tried) >= RETRY);
        if self.nvml.is_none() && due {
            self.tried = Some(now);
            match Nvml::init() {
                Ok(nvml) => self.nvml = Some(nvml),
                Err(error) if !self.said => {
                    self.said = true;
                    tracing::info!(%error, "no GPU figures: the NVIDIA driver's library (libnvidia-ml.so.1) cannot be used");
                }
                Err(_) => {}
            }
        }
        self.nvml.as_ref()
    }
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let now = state.clock.instant();
    let Some(nvml) = state.gpu.load(now) else { return Ok(()) };
    let driver = nvml.sys_driver_version().unwrap_or_default();
    let count = nvml.device_count().map_err(|error| HostError::System(error.to_string()))?;
    for index in 0..count {
        // A GPU that fell off the bus must not cost the others their figures.
        if let Ok(device) = nvml.device_by_index(index) {
            put_device(&device, index, &driver, part);
        }
    }
    Ok(())
}

fn put_device(device: &Device<'_>, index: u32, driver: &str, part: &mut PartBuilder) {
    let (gpu, uuid) = (index.to_string(), device.uuid().unwrap_or_default());
    let labels = [gpu.as_str(), uuid.as_str()];
    part.put(&INFO, [&gpu, &uuid, &device.name().unwrap_or_default(), driver], 1.0);
    if let Ok(rates) = device.utilization_rates() {
        part.put(&UTILIZATION, labels, f64::from(rates.gpu) * PERCENT);
        part.put(&MEMORY_UTILIZATION, labels, f64::from(rates.memory) * PERCENT);
    }
    if let Ok(memory) = device.memory_info() {
        part.put(&MEMORY_TOTAL, labels, memory.total as f64);
        part.put(&MEMORY_USED, labels, memory.used as f64);
        part.put(&MEMORY_FREE, labels, memory.free as f64);
    }
    // What a model does not measure (or does not under MIG) has no series.
    let readings = [
        (&ENCODER_UTILIZATION, number(device.encoder_utilization().map(|encoder| encoder.utilization)), PERCENT),
        (&DECODER_UTILIZATION, number(device.decoder_utilization().map(|decoder| decoder.utilization)), PERCENT),
        (&POWER, number(device.power_usage()), MILLI),
        (&POWER_LIMIT, number(device.enforced_power_limit()), MILLI),
        (&ENERGY, device.total_energy_consumption().ok().map(|millijoules| millijoules as f64), MILLI),
        (&TEMPERATURE, number(device.temperature(TemperatureSensor::Gpu)), 1.0),
        (&SM_CLOCK, number(device.clock_info(Clock::SM)), HERTZ_PER_MEGAHERTZ),
        (&MEMORY_CLOCK, number(device.clock_info(Clock::Memory)), HERTZ_PER_MEGAHERTZ),
        (&FAN_SPEED, number(device.fan_speed(0)), PERCENT),
    ];
    for (row, value, factor) in readings {
        if let Some(value) = value {
            part.put(row, labels, value * factor);
        }
    }
    for (kind, error) in [("corrected", MemoryError::Corrected), ("uncorrected", MemoryError::Uncorrected)] {
        if let Ok(errors) = device.total_ecc_errors(error, EccCounter::Volatile) {
            part.put(&ECC_ERRORS, [&gpu, &uuid, kind], errors as f64);
        }
    }
}

fn number(reading: Result<u32, NvmlError>) -> Option<f64> {
    reading.ok().map(f64::from)
}
