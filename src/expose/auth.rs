//! Basic authentication against bcrypt hashes.
//!
//! A hash costs about 100 ms by design, so a password that was right once is remembered as a keyed
//! digest; wrong ones are checked again each time, one at a time, so that guessing costs one core at most.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::{hmac, rand};
use secrecy::{ExposeSecret, SecretString};

/// Remembered passwords; more are checked each time.
const REMEMBERED_MAX: usize = 128;
/// Longest `Authorization` header looked at.
const HEADER_BYTES_MAX: usize = 4096;

/// The users of a web configuration file.
#[derive(Debug)]
pub(crate) struct Auth {
    users: BTreeMap<String, SecretString>,
    remembered: Mutex<HashSet<Vec<u8>>>,
    /// Made anew with every load, so that digests are worthless outside this process.
    key: hmac::Key,
    checking: tokio::sync::Semaphore,
}

impl Auth {
    /// Checks the hashes' form; the error names the user, not the hash.
    pub(crate) fn new(users: BTreeMap<String, SecretString>) -> Result<Self, String> {
        for (user, hash) in &users {
            if bcrypt::HashParts::from_str(hash.expose_secret()).is_err() {
                return Err(format!(
                    "basic_auth_users: the hash of `{user}` is not a bcrypt hash; make one with `htpasswd -nBC 10 {user}`"
                ));
            }
        }
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())
            .map_err(|_| "basic_auth_users: the system gives no random numbers".to_owned())?;
        Ok(Self { users, remembered: Mutex::default(), key, checking: tokio::sync::Semaphore::new(1) })
    }

    /// Whether an `Authorization` header names a user with the right password.
    pub(crate) async fn allows(self: &Arc<Self>, header: Option<&[u8]>) -> bool {
        let Some((user, password)) = header.and_then(credentials) else { return false };
        let known = self.users.get(&user);
        // An unknown user costs as much as a wrong password, so that names cannot be told apart by time.
        let Some(hash) = known.or_else(|| self.users.values().next()).cloned() else { return false };
        let digest = self.digest(&user, &hash, &password);
        if known.is_some() && self.remembered().contains(&digest) {
            return true;
        }
        let Ok(_one) = self.checking.acquire().await else { return false };
        let check = move || bcrypt::verify(password.expose_secret(), hash.expose_secret()).unwrap_or(false);
        let right = tokio::task::spawn_blocking(check).await.unwrap_or(false) && known.is_some();
        if right {
            let mut remembered = self.remembered();
            if remembered.len() < REMEMBERED_MAX {
                remembered.insert(digest);
            }
        }
        right
    }

    /// A lookup by this digest leaks nothing by its time: it cannot be computed without the key.
    fn digest(&self, user: &str, hash: &SecretString, password: &SecretString) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        for field in [user, hash.expose_secret(), password.expose_secret()] {
            context.update(&(field.len() as u64).to_le_bytes());
            context.update(field.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashSet<Vec<u8>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// User and password of a `Basic` header.
fn credentials(header: &[u8]) -> Option<(String, SecretString)> {
    let header = std::str::from_utf8(header).ok().filter(|header| header.len() <= HEADER_BYTES_MAX)?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(base64(encoded.trim())?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), SecretString::from(password)))
}

/// Decodes standard base64, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    // A lone digit at the end carries no byte.
    (count < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Of `secret`, cost 10.
    fn auth() -> Arc<Auth> {
        let hash = bcrypt::hash("secret", 10).unwrap();
        Arc::new(Auth::new(BTreeMap::from([("alice".to_owned(), SecretString::from(hash))])).unwrap())
    }

    #[test]
    fn base64_vectors() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob")] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(base64("Z"), None);
        assert_eq!(base64("Zm9%"), None);
    }

    #[tokio::test]
    async fn right_wrong_unknown_and_nonsense() {
        let auth = auth();
        for (header, allowed) in [
            (Some("Basic YWxpY2U6c2VjcmV0"), true),
            (Some("basic YWxpY2U6c2VjcmV0"), true),
            (Some("Basic YWxpY2U6U2VjcmV0"), false),
            (Some("Basic Ym9iOnNlY3JldA=="), false),
            (Some("Bearer YWxpY2U6c2VjcmV0"), false),
            (Some("Basic"), false),
            (Some("Basic !!!"), false),
            (None, false),
        ] {
            assert_eq!(auth.allows(header.map(str::as_bytes)).await, allowed, "{header:?}");
        }
    }

    #[tokio::test]
    async fn a_right_password_is_remembered() {
        let auth = auth();
        assert!(auth.allows(Some(b"Basic YWxpY2U6c2VjcmV0")).await);
        let start = Instant::now();
        for _ in 0..100 {
            assert!(auth.allows(Some(b"Basic YWxpY2U6c2VjcmV0")).await);
        }
        assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    }

    #[test]
    fn a_bad_hash_is_refused_without_being_shown() {
        let error = Auth::new(BTreeMap::from([("bob".to_owned(), SecretString::from("hunter2"))])).unwrap_err();
        assert!(error.contains("`bob`") && !error.contains("hunter2"), "{error}");
    }
}
