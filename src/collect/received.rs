//! What came in at a receiver, in figures.

use std::fmt;

/// Counts of what a receiver took and what it refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Connections opened by exporters.
    pub connections: u64,
    /// Export requests of traces that were kept.
    pub trace_requests: u64,
    /// Spans in them.
    pub spans: u64,
    /// Bytes of them, decompressed.
    pub bytes: u64,
    /// Export requests of metrics, answered and dropped.
    pub metric_requests: u64,
    /// Export requests of logs, answered and dropped.
    pub log_requests: u64,
    /// Requests that were not kept, by reason; only reasons that occurred.
    refused: [u64; Refused::ALL.len()],
}

impl Received {
    /// Counts one refused request.
    pub fn refuse(&mut self, reason: Refused) {
        self.refused[reason as usize] += 1;
    }

    /// Reasons that occurred, with their counts.
    pub fn refused(&self) -> impl Iterator<Item = (Refused, u64)> + '_ {
        Refused::ALL.into_iter().zip(self.refused).filter(|(_, count)| *count > 0)
    }

    /// Whether nobody even connected.
    pub fn is_untouched(&self) -> bool {
        self.connections == 0
    }
}

/// Why a request was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// Larger than the bound, as sent or decompressed.
    TooLarge,
    /// Not a message of its encoding.
    Malformed,
    /// A compression that is not known.
    Compression,
    /// Neither protobuf nor JSON.
    ContentType,
    /// No signal is received at this path.
    Path,
    /// Not a POST.
    Method,
    /// The connection ended or stalled inside the body.
    CutOff,
    /// The spool could not take it.
    Storage,
    /// TLS where plain HTTP is spoken.
    Tls,
}

impl Refused {
    /// Every reason, in the order of their counts.
    pub const ALL: [Self; 9] = [
        Self::TooLarge,
        Self::Malformed,
        Self::Compression,
        Self::ContentType,
        Self::Path,
        Self::Method,
        Self::CutOff,
        Self::Storage,
        Self::Tls,
    ];

    /// The reason, in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "larger than the bound",
            Self::Malformed => "not a valid export request",
            Self::Compression => "compressed in an unknown way (gzip, deflate and zstd are known)",
            Self::ContentType => "neither application/x-protobuf nor application/json by Content-Type",
            Self::Path => {
                "sent to another path than /v1/traces, /v1/metrics or /v1/logs, or to another gRPC service"
            }
            Self::Method => "not a POST",
            Self::CutOff => "cut off or stalled inside the body",
            Self::Storage => "not stored: the temporary file could not grow",
            Self::Tls => "TLS (https) where plain HTTP or gRPC is expected",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.reason())
    }
}
