//! Where rendered text goes: pieces of bytes, plain or deflated, of many parts each.
//!
//! Each part is deflated on its own, ended on a byte boundary without a final block and without anything that a later
//! one could refer to; the page puts one gzip header in front and one checksum behind, so that any row of parts is
//! **one** gzip member. A piece is what is sent at once, and held once for all pages that have it. (Concatenated members would be valid too, but some readers stop after the first.)

use std::sync::Arc;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

use super::negotiate::Encoding;

/// Of what is kept. In pieces of 16 kB, level 1 (fixed codes) makes a page of 14.1 MB of 61, level 2 one of 9.7 in twice
/// the time; only what has changed is compressed.
const LEVEL: u32 = 2;
/// Of what is made for one answer, while somebody waits for it.
const LEVEL_ONCE: u32 = 1;
/// gzip's header: deflate, no name, no time, unknown system.
const GZIP_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty final block with fixed codes.
const FINAL_BLOCK: [u8; 2] = [3, 0];

/// Encodes parts, and puts them together to pieces.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// Text on its way to be deflated.
    text: Vec<u8>,
    deflate: Option<Compress>,
    /// The piece that is being made; its memory is used for the next one as well.
    out: Vec<u8>,
    marks: Vec<Mark>,
}

/// Parts of a page behind each other, ready to be sent.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Equal for equal bytes, as whoever made it saw to.
    pub(crate) key: u64,
    bytes: Bytes,
    marks: Box<[Mark]>,
    sum: Sum,
}

/// Pieces behind each other.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    list: Vec<Arc<Piece>>,
    sum: Sum,
}

/// The end of a part in a piece.
#[derive(Debug)]
struct Mark {
    key: u64,
    end: usize,
    sum: Arc<Sum>,
}

/// A part that is encoded already.
#[derive(Debug)]
pub(crate) struct Encoded<'p> {
    bytes: &'p [u8],
    sum: &'p Arc<Sum>,
}

/// What gzip's last bytes are made of.
#[derive(Debug, Default)]
struct Sum {
    /// Length of the text, before compression.
    text_bytes: u64,
    /// Of deflated text only.
    crc: Crc,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.text_bytes += other.text_bytes;
        self.crc.combine(&other.crc);
    }
}

impl Encoder {
    /// For an encoding, of parts that are kept.
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self::at(encoding, LEVEL)
    }

    /// For an encoding, of parts for one answer only.
    pub(crate) fn once(encoding: Encoding) -> Self {
        Self::at(encoding, LEVEL_ONCE)
    }

    fn at(encoding: Encoding, level: u32) -> Self {
        let deflate = match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => Some(Compress::new(Compression::new(level), false)),
        };
        Self { text: Vec::new(), deflate, out: Vec::new(), marks: Vec::new() }
    }

    /// Puts what `write` appends behind the other parts of the piece; the length of the text. `None` when compression
    /// failed, which only a fault in the library can cause.
    pub(crate) fn add(&mut self, key: u64, write: impl FnOnce(&mut Vec<u8>)) -> Option<u64> {
        let mut sum = Sum::default();
        match &mut self.deflate {
            None => {
                let before = self.out.len();
                write(&mut self.out);
                sum.text_bytes = (self.out.len() - before) as u64;
            }
            Some(compress) => {
                self.text.clear();
                write(&mut self.text);
                sum.text_bytes = self.text.len() as u64;
                sum.crc.update(&self.text);
                deflate(compress, &self.text, &mut self.out)?;
            }
        }
        let text_bytes = sum.text_bytes;
        self.marks.push(Mark { key, end: self.out.len(), sum: Arc::new(sum) });
        Some(text_bytes)
    }

    /// Puts a part of another piece of the same encoding behind the others.
    pub(crate) fn copy(&mut self, key: u64, part: &Encoded<'_>) {
        self.out.extend_from_slice(part.bytes);
        self.marks.push(Mark { key, end: self.out.len(), sum: Arc::clone(part.sum) });
    }

    /// The piece of all parts so far; the next one begins with none.
    pub(crate) fn piece(&mut self, key: u64) -> Piece {
        let mut sum = Sum::default();
        self.marks.iter().for_each(|mark| sum.add(&mark.sum));
        let bytes = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        Piece { key, bytes, marks: std::mem::take(&mut self.marks).into(), sum }
    }
}

/// Appends the text, deflated.
fn deflate(compress: &mut Compress, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = text;
    loop {
        if out.capacity() - out.len() < 1024 {
            out.reserve(text.len().max(1024) / 2);
        }
        let before = compress.total_in();
        // A full flush forgets the text, so that the next part stands on its own.
        if compress.compress_vec(rest, out, FlushCompress::Full).is_err() {
            tracing::error!("deflate failed; the group is left out of compressed pages");
            return None;
        }
        let taken = usize::try_from(compress.total_in() - before).unwrap_or(rest.len());
        rest = rest.get(taken..).unwrap_or(&[]);
        // Room left over means that nothing is held back any more.
        if rest.is_empty() && out.len() < out.capacity() {
            return Some(());
        }
    }
}

impl Piece {
    /// Its parts by their keys.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (u64, Encoded<'_>)> {
        let starts = std::iter::once(0).chain(self.marks.iter().map(|mark| mark.end));
        starts.zip(self.marks.iter()).map(|(start, mark)| {
            let bytes = self.bytes.get(start..mark.end).unwrap_or(&[]);
            (mark.key, Encoded { bytes, sum: &mark.sum })
        })
    }
}

impl Pieces {
    /// Length of the text, before compression.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.sum.text_bytes
    }

    /// Puts a piece behind the others.
    pub(crate) fn push(&mut self, piece: Arc<Piece>) {
        self.sum.add(&piece.sum);
        self.list.push(piece);
    }

    /// The pieces, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Piece>> {
        self.list.iter()
    }
}

/// Puts pieces behind each other, not copied, framed as the encoding wants it.
pub(crate) fn join<'p>(pieces: impl Iterator<Item = &'p Pieces>, encoding: Encoding) -> Vec<Bytes> {
    let (mut chunks, mut sum) = (Vec::new(), Sum::default());
    if encoding == Encoding::Gzip {
        chunks.push(Bytes::from_static(GZIP_HEADER));
    }
    for pieces in pieces {
        chunks.extend(pieces.iter().filter(|piece| !piece.bytes.is_empty()).map(|piece| piece.bytes.clone()));
        sum.add(&pieces.sum);
    }
    if encoding == Encoding::Gzip {
        let mut end = Vec::from(FINAL_BLOCK);
        end.extend(sum.crc.sum().to_le_bytes());
        // The format's length field is modulo 2^32.
        end.extend(u32::try_from(sum.text_bytes & u64::from(u32::MAX)).unwrap_or(u32::MAX).to_le_bytes());
        chunks.push(Bytes::from(end));
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn pieces(piece: Piece) -> Pieces {
        let mut pieces = Pieces::default();
        pieces.push(Arc::new(piece));
        pieces
    }

    fn piece(texts: &[&[u8]], encoding: Encoding) -> Piece {
        let mut encoder = Encoder::new(encoding);
        for (key, text) in (0..).zip(texts) {
            encoder.add(key, |buffer| buffer.extend_from_slice(text)).unwrap();
        }
        encoder.piece(0)
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
        let plain = pieces(piece(&[&text], Encoding::Identity));
        assert_eq!(join([&plain].into_iter(), Encoding::Identity).concat(), text);
        let gzip = pieces(piece(&[&text], Encoding::Gzip));
        assert_eq!(gzip.text_bytes(), text.len() as u64);
        assert_eq!(ungzip(&join([&gzip, &gzip].into_iter(), Encoding::Gzip).concat()), [&text[..], &text].concat());
    }

    proptest! {
        #[test]
        fn any_row_of_pieces_is_one_gzip_member(texts in prop::collection::vec(prop::collection::vec("[ab]{0,300}", 0..6), 0..6)) {
            let rows: Vec<Vec<&[u8]>> = texts.iter().map(|row| row.iter().map(String::as_bytes).collect()).collect();
            let all: Vec<Pieces> = rows.iter().map(|row| pieces(piece(row, Encoding::Gzip))).collect();
            let text: Vec<u8> = texts.concat().concat().into_bytes();
            prop_assert_eq!(ungzip(&join(all.iter(), Encoding::Gzip).concat()), text);
        }

        /// Kept parts stand between new ones.
        #[test]
        fn parts_stand_in_any_order(texts in prop::collection::vec("[ab]{0,300}", 1..8), order in prop::collection::vec(any::<prop::sample::Index>(), 0..8), new in "[ab]{0,300}") {
            let texts_of: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            for encoding in [Encoding::Gzip, Encoding::Identity] {
                let earlier = piece(&texts_of, encoding);
                let parts: Vec<(u64, Encoded<'_>)> = earlier.parts().collect();
                let (mut encoder, mut text) = (Encoder::new(encoding), String::new());
                for at in &order {
                    let (key, part) = &parts[at.index(texts.len())];
                    encoder.copy(*key, part);
                    encoder.add(99, |buffer| buffer.extend_from_slice(new.as_bytes())).unwrap();
                    text.extend([&*texts[at.index(texts.len())], &new]);
                }
                let made = pieces(encoder.piece(0));
                prop_assert_eq!(made.text_bytes(), text.len() as u64);
                let sent = join([&made].into_iter(), encoding).concat();
                prop_assert_eq!(if encoding == Encoding::Gzip { ungzip(&sent) } else { sent }, text.into_bytes());
            }
        }
    }
}
