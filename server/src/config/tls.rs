//! TLS of the server's own: where certificate and key are.

use std::path::PathBuf;

/// Files in PEM, and under which names they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: NamedFile,
    pub key: NamedFile,
}

/// A file, and the key or variable that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    pub setting: &'static str,
    pub path: PathBuf,
}

/// What a file of certificates must be; ends a sentence that names the wrong one.
pub const RIGHT_CERTIFICATE: &str =
    "a PEM file with the certificate of this server, and after it those that vouch for it";
/// The same for the key.
pub const RIGHT_KEY: &str = "a PEM file with the private key that belongs to the certificate";
