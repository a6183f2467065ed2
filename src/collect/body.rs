//! A request body, read and decompressed within bounds.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Buf;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::received::Refused;

/// A body above this size waits until no other one is: what many exporters send at once stays
/// small in memory.
const LARGE_BYTES: usize = 1 << 20;

/// A client that sends nothing for so long inside a body is given up.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Bytes above the bound that are read and dropped, so that the client gets to see the answer.
const DROPPED_FACTOR: usize = 4;

/// Reads a body whole.
pub(super) async fn read(body: Incoming, bytes_max: usize, large: &Semaphore) -> Result<Vec<u8>, Refused> {
    let mut body = body;
    let mut collected = Vec::new();
    let mut turn: Option<SemaphorePermit<'_>> = None;
    while let Some(data) = next_chunk(&mut body).await? {
        if collected.len() + data.len() > bytes_max {
            drop(collected);
            drop_rest(&mut body, bytes_max).await?;
            return Err(Refused::TooLarge);
        }
        if turn.is_none() && collected.len() + data.len() > LARGE_BYTES {
            turn = large.acquire().await.ok();
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected)
}

async fn next_chunk(body: &mut Incoming) -> Result<Option<bytes::Bytes>, Refused> {
    loop {
        let frame = match tokio::time::timeout(STALL_MAX, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) | Err(_) => return Err(Refused::CutOff),
        };
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

/// Reads what is left of a body and keeps nothing, up to a bound.
pub(super) async fn drop_rest(body: &mut Incoming, bytes_max: usize) -> Result<(), Refused> {
    let mut left = bytes_max.saturating_mul(DROPPED_FACTOR);
    while let Some(data) = next_chunk(body).await? {
        left = match left.checked_sub(data.remaining()) {
            Some(left) => left,
            None => break,
        };
    }
    Ok(())
}

/// Undoes the compression that `Content-Encoding` names.
pub(super) fn decompress(
    body: Vec<u8>,
    encoding: Option<&HeaderValue>,
    bytes_max: usize,
) -> Result<Vec<u8>, Refused> {
    let name = encoding.map_or("", |value| value.to_str().unwrap_or("?").trim());
    let reader: Box<dyn Read + '_> = match name.to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(body),
        "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(&body[..])),
        "deflate" | "zlib" if has_zlib_header(&body) => Box::new(ZlibDecoder::new(&body[..])),
        "deflate" => Box::new(DeflateDecoder::new(&body[..])),
        "zstd" => Box::new(zstd_decoder(&body).map_err(|_| Refused::Malformed)?),
        _ => return Err(Refused::Compression),
    };
    read_bounded(reader, bytes_max)
}

/// `deflate` means zlib by RFC 9110, but some clients send the bare stream.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [first, second, ..]
        if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

fn zstd_decoder(body: &[u8]) -> io::Result<impl Read + '_> {
    /// log2 of the largest window that is allocated for a frame: 32 MiB.
    const WINDOW_LOG_MAX: u32 = 25;
    let mut decoder = zstd::Decoder::with_buffer(body)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(decoder)
}

fn read_bounded(reader: Box<dyn Read + '_>, bytes_max: usize) -> Result<Vec<u8>, Refused> {
    let mut plain = Vec::new();
    let limit = (bytes_max as u64).saturating_add(1);
    let read = reader.take(limit).read_to_end(&mut plain);
    match read {
        Ok(_) if plain.len() > bytes_max => Err(Refused::TooLarge),
        Ok(_) => Ok(plain),
        Err(_) => Err(Refused::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write;

    const TEXT: &[u8] = b"the same words again and again and again";

    fn decoded(name: &str, body: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, Refused> {
        let header = HeaderValue::from_str(name).unwrap();
        decompress(body, Some(&header), bytes_max)
    }

    fn gzip() -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(TEXT).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_known_compression_is_undone() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(TEXT).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(TEXT).unwrap();
        let zstd = zstd::encode_all(TEXT, 1).unwrap();
        for (name, body) in [
            ("GZip", gzip()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("zstd", zstd),
            ("identity", TEXT.to_vec()),
        ] {
            assert_eq!(decoded(name, body, 1000), Ok(TEXT.to_vec()), "{name}");
        }
    }

    #[test]
    fn what_grows_above_the_bound_is_refused() {
        assert_eq!(decoded("gzip", gzip(), TEXT.len()), Ok(TEXT.to_vec()));
        let refused = decoded("gzip", gzip(), TEXT.len() - 1);
        assert_eq!(refused, Err(Refused::TooLarge));
    }

    #[test]
    fn broken_and_unknown_compressions_are_refused() {
        let cut = gzip()[..20].to_vec();
        assert_eq!(decoded("gzip", cut, 1000), Err(Refused::Malformed));
        let unknown = decoded("snappy", gzip(), 1000);
        assert_eq!(unknown, Err(Refused::Compression));
    }
}
