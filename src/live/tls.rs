//! Encryption of a connection: one provider of cryptography with the HTTP client, and the modes of `libpq`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::problem::Problem;

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    /// Whether it is, and what is checked.
    pub(super) mode: TlsMode,
    /// Certificates to trust; those of the machine without it.
    pub(super) root: Option<PathBuf>,
    /// The client's certificate.
    pub(super) certificate: Option<PathBuf>,
    /// The key of the client's certificate.
    pub(super) key: Option<PathBuf>,
}

/// `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server can.
    Prefer,
    /// Encrypted; who answers is not checked, unless a certificate to trust is named.
    Require,
    /// The server's certificate is one that is trusted.
    VerifyCa,
    /// And it is the certificate of that host.
    VerifyFull,
}

impl TlsMode {
    pub(super) fn of(word: &str) -> Result<Self, Problem> {
        Ok(match word {
            "disable" => Self::Disable,
            // Without encryption first is not offered by the protocol's implementation; both end in a session.
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let text = "sslmode: expected disable, prefer, require, verify-ca or verify-full";
                return Err(Problem::Misused(text.to_owned()));
            }
        })
    }

    /// What the client asks the server for.
    pub(super) fn asked(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}

impl Tls {
    /// What makes encrypted connections.
    ///
    /// # Errors
    ///
    /// Where a certificate or a key cannot be read.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Problem> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let checks = self.checks(&provider)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|problem| Problem::Failed(format!("TLS: {problem}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(checks));
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|problem| unreadable(key, &problem))?;
                let own = config.with_client_auth_cert(certificates(certificate)?, key);
                own.map_err(|problem| Problem::Misused(format!("sslcert and sslkey: {problem}")))?
            }
            _ => config.with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn checks(&self, provider: &Arc<CryptoProvider>) -> Result<Checks, Problem> {
        // As libpq does: a certificate to trust that is there is used, also where the mode asks for less.
        let mode = match (self.mode, &self.root) {
            (TlsMode::Require, Some(_)) => TlsMode::VerifyCa,
            (mode, _) => mode,
        };
        let is_checked = matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
        let trusted = match &self.root {
            Some(path) if is_checked => certificates(path)?,
            None if is_checked => rustls_native_certs::load_native_certs().certs,
            _ => Vec::new(),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let chain = match is_checked {
            true => Some(
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                    .build()
                    .map_err(|_| {
                        Problem::Misused("sslrootcert: there is no certificate to trust".to_owned())
                    })?,
            ),
            false => None,
        };
        Ok(Checks { is_named: mode == TlsMode::VerifyFull, chain, trusted, provider: provider.clone() })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|problem| unreadable(path, &problem))
}

fn unreadable(path: &Path, problem: &rustls::pki_types::pem::Error) -> Problem {
    Problem::Misused(format!("cannot read {}: {problem}; expected PEM", path.display()))
}

/// What is checked of a server's certificate.
#[derive(Debug)]
struct Checks {
    /// It must have the host's name.
    is_named: bool,
    /// Who must have signed it; `None` where that is not checked.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are trusted as they are: servers often sign their own.
    trusted: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Checks {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.trusted.iter().any(|own| own.as_ref() == end_entity.as_ref()) {
            if self.is_named {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match chain.verify_server_cert(end_entity, intermediates, name, stapled, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.is_named => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
