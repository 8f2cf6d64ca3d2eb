//! Where rendered text goes: pieces of bytes, plain or deflated.
//!
//! Each piece is deflated on its own, ended on a byte boundary without a final block and without anything that a later
//! one could refer to; the page puts one gzip header in front and one checksum behind, so that any row of pieces is
//! **one** gzip member. (Concatenated members would be valid too, but some readers stop after the first.)

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::negotiate::Encoding;

/// In pieces of 16 kB, level 1 (fixed codes) makes a page of 14.1 MB of 61, level 2 one of 9.7 in twice the time; only
/// what has changed is compressed.
const LEVEL: u32 = 2;
/// gzip's header: deflate, no name, no time, unknown system.
const GZIP_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty final block with fixed codes.
const FINAL_BLOCK: [u8; 2] = [3, 0];

/// Encodes one piece after the other.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// Empty between pieces; kept for its memory.
    text: Vec<u8>,
    deflate: Option<Deflate>,
}

#[derive(Debug)]
struct Deflate {
    compress: Compress,
    out: Vec<u8>,
}

/// Part of a page, ready to be sent.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The bytes as sent.
    pub(crate) bytes: Bytes,
    /// Length of the text, before compression.
    pub(crate) text_bytes: u64,
    crc: Crc,
}

/// Pieces behind each other, not copied.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    chunks: Vec<Bytes>,
    text_bytes: u64,
    crc: Crc,
}

impl Encoder {
    /// For an encoding.
    pub(crate) fn new(encoding: Encoding) -> Self {
        let deflate = match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => {
                Some(Deflate { compress: Compress::new(Compression::new(LEVEL), false), out: Vec::new() })
            }
        };
        Self { text: Vec::new(), deflate }
    }

    /// A piece of what `write` appends. `None` when compression failed, which only a fault in the library can cause.
    pub(crate) fn piece(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Option<Piece> {
        self.text.clear();
        write(&mut self.text);
        let text_bytes = self.text.len() as u64;
        match &mut self.deflate {
            None => Some(Piece { bytes: Bytes::copy_from_slice(&self.text), text_bytes, crc: Crc::new() }),
            Some(deflate) => {
                let mut crc = Crc::new();
                crc.update(&self.text);
                Some(Piece { bytes: deflate.piece(&self.text)?, text_bytes, crc })
            }
        }
    }
}

impl Deflate {
    fn piece(&mut self, text: &[u8]) -> Option<Bytes> {
        self.out.clear();
        let mut rest = text;
        loop {
            if self.out.capacity() - self.out.len() < 1024 {
                self.out.reserve(text.len().max(1024) / 2);
            }
            let before = self.compress.total_in();
            // A full flush forgets the text, so that the next piece stands on its own.
            if self.compress.compress_vec(rest, &mut self.out, FlushCompress::Full).is_err() {
                tracing::error!("deflate failed; the group is left out of compressed pages");
                return None;
            }
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(rest.len());
            rest = rest.get(taken..).unwrap_or(&[]);
            // Room left over means that nothing is held back any more.
            if rest.is_empty() && self.out.len() < self.out.capacity() {
                return Some(Bytes::copy_from_slice(&self.out));
            }
        }
    }
}

impl Pieces {
    /// Puts a piece behind the others.
    pub(crate) fn push(&mut self, piece: &Piece) {
        if !piece.bytes.is_empty() {
            self.chunks.push(piece.bytes.clone());
        }
        self.crc.combine(&piece.crc);
        self.text_bytes += piece.text_bytes;
    }

    /// Length of the text, before compression.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.text_bytes
    }
}

/// Puts pieces behind each other, framed as the encoding wants it.
pub(crate) fn join<'p>(pieces: impl Iterator<Item = &'p Pieces>, encoding: Encoding) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let (mut crc, mut length) = (Crc::new(), 0u64);
    if encoding == Encoding::Gzip {
        chunks.push(Bytes::from_static(GZIP_HEADER));
    }
    for pieces in pieces {
        chunks.extend(pieces.chunks.iter().cloned());
        crc.combine(&pieces.crc);
        length += pieces.text_bytes;
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

    fn pieces(texts: &[&[u8]], encoding: Encoding) -> Pieces {
        let (mut encoder, mut pieces) = (Encoder::new(encoding), Pieces::default());
        for text in texts {
            pieces.push(&encoder.piece(|buffer| buffer.extend_from_slice(text)).unwrap());
        }
        pieces
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
        let plain = pieces(&[&text], Encoding::Identity);
        assert_eq!(join([&plain].into_iter(), Encoding::Identity).concat(), text);
        let gzip = pieces(&[&text], Encoding::Gzip);
        assert_eq!(gzip.text_bytes(), text.len() as u64);
        assert_eq!(ungzip(&join([&gzip, &gzip].into_iter(), Encoding::Gzip).concat()), [&text[..], &text].concat());
    }

    proptest! {
        #[test]
        fn any_row_of_pieces_is_one_gzip_member(texts in prop::collection::vec(prop::collection::vec("[ab]{0,300}", 0..6), 0..6)) {
            let rows: Vec<Vec<&[u8]>> = texts.iter().map(|row| row.iter().map(String::as_bytes).collect()).collect();
            let all: Vec<Pieces> = rows.iter().map(|row| pieces(row, Encoding::Gzip)).collect();
            let text: Vec<u8> = texts.concat().concat().into_bytes();
            prop_assert_eq!(ungzip(&join(all.iter(), Encoding::Gzip).concat()), text);
        }

        /// Kept pieces stand between new ones.
        #[test]
        fn pieces_stand_in_any_order(texts in prop::collection::vec("[ab]{0,300}", 1..8), order in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let mut encoder = Encoder::new(Encoding::Gzip);
            let made: Vec<Piece> = texts.iter().map(|text| encoder.piece(|b| b.extend_from_slice(text.as_bytes())).unwrap()).collect();
            let (mut row, mut text) = (Pieces::default(), String::new());
            for at in order {
                row.push(&made[at.index(texts.len())]);
                text.push_str(&texts[at.index(texts.len())]);
            }
            prop_assert_eq!(ungzip(&join([&row].into_iter(), Encoding::Gzip).concat()), text.into_bytes());
        }
    }
}
