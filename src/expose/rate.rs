//! How often a client may ask: a bucket of requests for each address, filled at an even pace.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::RateLimit;

/// Addresses that are remembered.
const CLIENTS_MAX: usize = 10_000;
/// Scrapes and health checks are let through so much more often: they are the purpose.
const GENEROUS: f64 = 10.0;

/// Counts requests by client.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_second: f64,
    burst: f64,
    clients: Mutex<HashMap<Client, Bucket>>,
}

/// An address, and whether it asks for what is generously given.
type Client = (IpAddr, bool);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Limiter {
    /// As the settings say; a rate of 0 is no limit.
    pub(crate) fn new(settings: &RateLimit) -> Self {
        let burst = f64::from(settings.burst.max(1));
        Self { per_second: settings.requests_per_second, burst, clients: Mutex::default() }
    }

    /// Counts a request, or says when to come again.
    pub(crate) fn admit(&self, address: IpAddr, generous: bool) -> Result<(), Duration> {
        self.admit_at(address, generous, Instant::now())
    }

    fn admit_at(&self, address: IpAddr, generous: bool, now: Instant) -> Result<(), Duration> {
        if self.per_second <= 0.0 {
            return Ok(());
        }
        let factor = if generous { GENEROUS } else { 1.0 };
        let (per_second, burst) = (self.per_second * factor, self.burst * factor);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS_MAX {
            self.forget(&mut clients, now);
        }
        let bucket = clients.entry((network(address), generous)).or_insert(Bucket { left: burst, at: now });
        let filled = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
        *bucket = Bucket { left: (bucket.left + filled).min(burst), at: now };
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    /// Drops those whose buckets are full again; if all are busy, all: a limit that forgets is better than one that grows.
    fn forget(&self, clients: &mut HashMap<Client, Bucket>, now: Instant) {
        let full = |bucket: &Bucket| {
            bucket.left + now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second >= self.burst
        };
        clients.retain(|_, bucket| !full(bucket));
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
    }
}

/// One client has 2^64 addresses of IPv6, and one of IPv4 in whichever form it comes.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::from((v6.to_bits() & !u128::from(u64::MAX)).to_be_bytes()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(&RateLimit { requests_per_second: 2.0, burst: 3 })
    }

    #[test]
    fn a_burst_then_an_even_pace() {
        let (limiter, start) = (limiter(), Instant::now());
        let ask = |millis| limiter.admit_at([10, 0, 0, 1].into(), false, start + Duration::from_millis(millis));
        assert_eq!([ask(0), ask(0), ask(0)], [Ok(()); 3]);
        assert_eq!(ask(0), Err(Duration::from_millis(500)));
        assert_eq!((ask(500), ask(500).is_err(), ask(1000)), (Ok(()), true, Ok(())));
        assert_eq!(limiter.admit_at([10, 0, 0, 2].into(), false, start), Ok(()), "another client");
        let scrapes = (0..40).filter(|_| limiter.admit_at([10, 0, 0, 1].into(), true, start).is_ok()).count();
        assert_eq!(scrapes, 30, "ten times as much for what is generously given");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_memory_has_an_end() {
        let limiter = limiter();
        let start = Instant::now();
        let ask = |address: &str| limiter.admit_at(address.parse().unwrap(), false, start).is_ok();
        assert!(ask("2001:db8::1") && ask("2001:db8::2") && ask("2001:db8::ffff:1") && !ask("2001:db8::3"));
        assert!(
            ask("2001:db8:0:1::1") && ask("::ffff:10.0.0.9") && ask("10.0.0.9") && ask("10.0.0.9") && !ask("10.0.0.9")
        );
        for client in 0..30_000_u32 {
            let _ = limiter.admit_at(IpAddr::from(client.to_be_bytes()), false, start);
        }
        assert!(limiter.clients.lock().unwrap().len() <= CLIENTS_MAX);
        assert!(
            Limiter::new(&RateLimit { requests_per_second: 0.0, burst: 0 }).admit([1, 1, 1, 1].into(), false).is_ok()
        );
    }
}
