//! Where rendered text goes: chunks of bytes, plain or deflated as it is made.
//!
//! Chunks keep a page of 22 MB from being copied while it grows, and stay in the cache while they
//! are compressed. Each group is deflated on its own, ended on a byte boundary without a final block;
//! the page puts one gzip header in front and one checksum behind, so that any row of groups is **one**
//! gzip member. (Concatenated members would be valid too, but some readers stop after the first.)

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::negotiate::Encoding;

/// Text is handed on when this much has gathered.
const CHUNK: usize = 256 * 1024;
/// Room for the line that crosses the limit.
const SLACK: usize = 16 * 1024;
/// The quickest level: a page is read once or twice before it is made anew.
const LEVEL: u32 = 1;
/// gzip's header: deflate, no name, no time, unknown system.
const GZIP_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty final block with fixed codes.
const FINAL_BLOCK: [u8; 2] = [3, 0];

/// Takes text and gives a [`Piece`].
#[derive(Debug)]
pub(crate) struct Output {
    buffer: Vec<u8>,
    chunks: Vec<Bytes>,
    text_bytes: u64,
    deflate: Option<Deflate>,
}

#[derive(Debug)]
struct Deflate {
    compress: Compress,
    crc: Crc,
    out: Vec<u8>,
    failed: bool,
}

/// Part of a page, ready to be sent.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The bytes as sent.
    pub(crate) chunks: Vec<Bytes>,
    /// Length of the text, before compression.
    pub(crate) text_bytes: u64,
    crc: Crc,
}

impl Output {
    /// For an encoding.
    pub(crate) fn new(encoding: Encoding) -> Self {
        let deflate = match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => Some(Deflate {
                compress: Compress::new(Compression::new(LEVEL), false),
                crc: Crc::new(),
                out: Vec::new(),
                failed: false,
            }),
        };
        Self { buffer: Vec::new(), chunks: Vec::new(), text_bytes: 0, deflate }
    }

    /// Where text is appended; call [`Output::checkpoint`] after each line.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands the text on if enough has gathered.
    #[inline]
    pub(crate) fn checkpoint(&mut self) {
        if self.buffer.len() >= CHUNK {
            self.spill();
        }
    }

    fn spill(&mut self) {
        self.text_bytes += self.buffer.len() as u64;
        match &mut self.deflate {
            Some(deflate) => {
                deflate.push(&self.buffer, FlushCompress::None);
                self.buffer.clear();
            }
            None => {
                let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + SLACK));
                self.chunks.push(Bytes::from(full));
            }
        }
    }

    /// Ends the piece. `None` when compression failed, which only a fault in the library can cause.
    pub(crate) fn finish(mut self) -> Option<Piece> {
        self.text_bytes += self.buffer.len() as u64;
        let crc = match self.deflate {
            None => {
                self.buffer.shrink_to_fit();
                self.chunks.push(Bytes::from(self.buffer));
                Crc::new()
            }
            Some(mut deflate) => {
                deflate.push(&self.buffer, FlushCompress::Full);
                if deflate.failed {
                    tracing::error!("deflate failed; the group is left out of compressed pages");
                    return None;
                }
                deflate.out.shrink_to_fit();
                self.chunks.push(Bytes::from(deflate.out));
                deflate.crc
            }
        };
        self.chunks.retain(|chunk| !chunk.is_empty());
        Some(Piece { chunks: self.chunks, text_bytes: self.text_bytes, crc })
    }
}

impl Deflate {
    fn push(&mut self, text: &[u8], flush: FlushCompress) {
        self.crc.update(text);
        let mut rest = text;
        loop {
            if self.out.capacity() - self.out.len() < 1024 {
                self.out.reserve(text.len().clamp(1024, CHUNK) / 4);
            }
            let before = self.compress.total_in();
            if self.compress.compress_vec(rest, &mut self.out, flush).is_err() {
                self.failed = true;
                return;
            }
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(rest.len());
            rest = rest.get(taken..).unwrap_or(&[]);
            // Room left over means that nothing is held back any more.
            if rest.is_empty() && self.out.len() < self.out.capacity() {
                return;
            }
        }
    }
}

/// Puts pieces behind each other, framed as the encoding wants it.
pub(crate) fn join<'p>(pieces: impl Iterator<Item = &'p Piece>, encoding: Encoding) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let (mut crc, mut length) = (Crc::new(), 0u64);
    if encoding == Encoding::Gzip {
        chunks.push(Bytes::from_static(GZIP_HEADER));
    }
    for piece in pieces {
        chunks.extend(piece.chunks.iter().cloned());
        crc.combine(&piece.crc);
        length += piece.text_bytes;
    }
    if encoding == Encoding::Gzip {
        let mut end = Vec::from(FINAL_BLOCK);
        end.extend(crc.sum().to_le_bytes());
        // The format's length field is modulo 2^32.
        end.extend(u32::try_from(length & u64::from(u32::MAX)).unwrap_or(u32::MAX).to_le_bytes());
        chunks.push(Bytes::from(end));
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn piece(text: &[u8], encoding: Encoding) -> Piece {
        let mut output = Output::new(encoding);
        for line in text.split_inclusive(|b| *b == b'\n') {
            output.buffer().extend_from_slice(line);
            output.checkpoint();
        }
        output.finish().unwrap()
    }

    fn ungzip(bytes: &[u8]) -> Vec<u8> {
        // Reads one member only: what follows would be lost, as with simple clients.
        let mut text = Vec::new();
        flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn a_large_text_survives_both_ways() {
        let text: Vec<u8> = (0..300_000u32).flat_map(|n| format!("metric{{n=\"{n}\"}} {n}\n").into_bytes()).collect();
        let plain = piece(&text, Encoding::Identity);
        assert!(plain.chunks.len() > 10);
        assert_eq!(join([&plain].into_iter(), Encoding::Identity).concat(), text);
        let gzip = piece(&text, Encoding::Gzip);
        assert_eq!(gzip.text_bytes, text.len() as u64);
        assert_eq!(ungzip(&join([&gzip, &gzip].into_iter(), Encoding::Gzip).concat()), [&text[..], &text].concat());
    }

    proptest! {
        #[test]
        fn any_row_of_pieces_is_one_gzip_member(texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..6)) {
            let pieces: Vec<Piece> = texts.iter().map(|text| piece(text, Encoding::Gzip)).collect();
            prop_assert_eq!(ungzip(&join(pieces.iter(), Encoding::Gzip).concat()), texts.concat());
        }
    }
}
