//! What hosts really use: days of real machines, drawn anew for each machine and day, a few machines to a host.

use std::io::Read;

use flate2::read::GzDecoder;

const MACHINES: u64 = 40;
const POINTS: usize = 4032;
pub const DAY: usize = 288;
/// Machines to a host.
const TO_A_HOST: u64 = 8;

/// CPU of 40 machines over two weeks, 0 to 1; see tests/data/azure_vm_cpu/NOTICE.md.
pub struct Loads(Vec<u8>);

impl Loads {
    pub fn read() -> Self {
        let packed = include_bytes!("../../tests/data/azure_vm_cpu/cpu.bin.gz");
        let mut bytes = Vec::new();
        GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), MACHINES as usize * POINTS);
        Self(bytes)
    }

    /// CPU of a host at a point, 0 to 1: the mean of its machines, each on a day drawn from those of the same kind
    /// (weekday or weekend), with a height of its own.
    pub fn cpu(&self, seed: u64, host: u64, point: usize) -> f64 {
        let (day, at) = (point / DAY, point % DAY);
        let weekend = day % 7 >= 5;
        let mut sum = 0.0;
        for slot in 0..TO_A_HOST {
            let own = mix(seed, host * 100 + slot);
            let draw = mix(own, day as u64);
            let source = if weekend {
                [5, 6, 12, 13][(draw % 4) as usize]
            } else {
                [0, 1, 2, 3, 4, 7, 8, 9, 10, 11][(draw % 10) as usize]
            };
            let byte = self.0[(own % MACHINES) as usize * POINTS + source * DAY + at];
            let height = 0.9 + 0.2 * unit(mix(draw, 7));
            sum += f64::from(byte) / 250.0 * height;
        }
        // Hosts are consolidated: what is drawn fills about half of them.
        (0.1 + 2.2 * sum / TO_A_HOST as f64).min(1.0)
    }
}

/// A number that follows from two.
pub fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xD1B5_4A32_D192_ED03) ^ 0x5851_F42D;
    x ^= x >> 31;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 29;
    x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 32
}

/// 0 to 1.
pub fn unit(x: u64) -> f64 {
    (x >> 11) as f64 / (1u64 << 53) as f64
}
