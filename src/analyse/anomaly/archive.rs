//! The saved form of a detector: one description per structure serves both saving and loading, so that the two cannot
//! drift apart. Exact to the bit, which text formats for numbers are not. It knows nothing of files or databases.

/// Reads into, or writes out of, the fields it is shown.
#[derive(Debug)]
pub(in crate::analyse) struct Archive {
    bytes: Vec<u8>,
    position: usize,
    loading: bool,
    broken: bool,
}

impl Archive {
    /// An archive that collects what it is shown.
    pub(in crate::analyse) const fn saving() -> Self {
        Self { bytes: Vec::new(), position: 0, loading: false, broken: false }
    }

    /// An archive that fills what it is shown.
    pub(in crate::analyse) const fn loading(bytes: Vec<u8>) -> Self {
        Self { bytes, position: 0, loading: true, broken: false }
    }

    /// The collected bytes.
    pub(in crate::analyse) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether loading used every byte and missed none.
    pub(in crate::analyse) const fn complete(&self) -> bool {
        !self.broken && self.position == self.bytes.len()
    }

    /// Whether fields are being filled.
    pub(in crate::analyse) const fn is_loading(&self) -> bool {
        self.loading
    }

    /// One number.
    pub(in crate::analyse) fn f64(&mut self, value: &mut f64) {
        let mut raw = value.to_le_bytes();
        self.raw(&mut raw);
        *value = f64::from_le_bytes(raw);
    }

    /// One whole number.
    pub(in crate::analyse) fn i64(&mut self, value: &mut i64) {
        let mut raw = value.to_le_bytes();
        self.raw(&mut raw);
        *value = i64::from_le_bytes(raw);
    }

    /// A fixed number of numbers.
    pub(in crate::analyse) fn f64s(&mut self, values: &mut [f64]) {
        for value in values {
            self.f64(value);
        }
    }

    /// A fixed number of short numbers.
    pub(in crate::analyse) fn f32s(&mut self, values: &mut [f32]) {
        for value in values {
            let mut raw = value.to_le_bytes();
            self.raw(&mut raw);
            *value = f32::from_le_bytes(raw);
        }
    }

    /// A list of at most `limit` numbers.
    pub(in crate::analyse) fn numbers(&mut self, values: &mut Vec<f64>, limit: usize) {
        if self.length(values, limit) {
            self.f64s(values);
        }
    }

    /// A list of at most `limit` short numbers.
    pub(in crate::analyse) fn list(&mut self, values: &mut Vec<f32>, limit: usize) {
        if self.length(values, limit) {
            self.f32s(values);
        }
    }

    /// The length of a list; one that is being filled gets it. False when it is longer than it can be.
    fn length<T: Clone + Default>(&mut self, values: &mut Vec<T>, limit: usize) -> bool {
        let mut length = values.len() as i64;
        self.i64(&mut length);
        if self.loading {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > limit {
                self.broken = true;
                return false;
            }
            values.clear();
            values.resize(length, T::default());
        }
        true
    }

    fn raw(&mut self, field: &mut [u8]) {
        if !self.loading {
            self.bytes.extend_from_slice(field);
            return;
        }
        let end = self.position.saturating_add(field.len());
        match self.bytes.get(self.position..end) {
            Some(bytes) => {
                field.copy_from_slice(bytes);
                self.position = end;
            }
            None => self.broken = true,
        }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes as text (base64url without padding): JSON would need three to four characters a byte otherwise.
pub(super) fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..=chunk.len() {
            let digit = (word >> (18 - 6 * i)) & 63;
            text.push(char::from(DIGITS.get(digit as usize).copied().unwrap_or(b'A')));
        }
    }
    text
}

/// The bytes of [`to_text`]; none when the text is not of that form.
pub(super) fn from_text(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut word = 0u32;
        for i in 0..4 {
            let digit = match chunk.get(i) {
                Some(c) => DIGITS.iter().position(|d| d == c)? as u32,
                None => 0,
            };
            word = word << 6 | digit;
        }
        bytes.extend(word.to_be_bytes().into_iter().skip(1).take(chunk.len() - 1));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_gives_the_bytes_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(from_text(&to_text(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,40}") {
            let _ = from_text(&text);
        }
    }

    #[test]
    fn a_short_archive_is_not_complete() {
        let mut archive = Archive::loading(vec![1, 2, 3]);
        let mut value = 0.0;
        archive.f64(&mut value);
        assert!(!archive.complete());
    }
}
