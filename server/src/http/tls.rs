//! TLS of the server's own: certificate and key out of PEM files, which SIGHUP reads anew. docs/decisions/0026 has the reasons.

use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::tls::{RIGHT_CERTIFICATE, RIGHT_KEY};
use crate::config::{ConfigError, NamedFile, TlsFiles};

/// What connections are accepted with.
pub struct Tls {
    files: TlsFiles,
    acceptor: RwLock<TlsAcceptor>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Errors: a file that can't be used, in the words of the setting that names it.
    pub fn read(files: TlsFiles) -> Result<Self, ConfigError> {
        let acceptor = RwLock::new(acceptor(&files)?);
        Ok(Self { files, acceptor })
    }

    /// For connections that come from now on. Those that are open go on with what they have; files that can't be used leave
    /// everything as it is.
    pub fn reread(&self) {
        match acceptor(&self.files) {
            Ok(new) => {
                *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = new;
                tracing::info!("the certificate was read anew");
            }
            Err(error) => tracing::error!(%error, "the certificate stays the one that was read before"),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ConfigError> {
    let TlsFiles { certificate, key } = files;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&certificate.path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(certificate, RIGHT_CERTIFICATE, said(&error)))?;
    if chain.is_empty() {
        return Err(wrong(certificate, RIGHT_CERTIFICATE, "there is no certificate in it"));
    }
    let private =
        PrivateKeyDer::from_pem_file(&key.path).map_err(|error| wrong(key, RIGHT_KEY, said(&error)))?;
    // TLS 1.2 and 1.3 with authenticated ciphers and keys of their own for each connection: rustls has no others.
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| wrong(key, RIGHT_KEY, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Never what stands in the file.
fn said(error: &PemError) -> String {
    match error {
        PemError::Io(cause) => cause.to_string(),
        PemError::NoItemsFound => "there is none in it".to_owned(),
        _ => "it is no PEM".to_owned(),
    }
}

fn wrong(file: &NamedFile, right: &str, cause: impl Display) -> ConfigError {
    ConfigError::Wrong {
        key: file.setting.to_owned(),
        value: file.path.display().to_string(),
        right: format!("{right} ({cause})"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{KeyPair, generate_simple_self_signed};

    use super::*;

    fn files(folder: &Path) -> TlsFiles {
        let file = |setting, name| NamedFile { setting, path: folder.join(name) };
        TlsFiles {
            certificate: file("tls_certificate", "chain.pem"),
            key: file("CONSOLE_TLS_KEY", "key.pem"),
        }
    }

    fn refusal(files: &TlsFiles) -> String {
        Tls::read(files.clone()).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_used_is_named_as_the_settings_name_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (chain, key) = (&files.certificate.path, &files.key.path);
        let error = refusal(&files);
        let beginning =
            format!("tls_certificate is {chain:?}; it must be a PEM file with the certificate of");
        assert!(error.starts_with(&beginning) && error.contains("No such file"), "{error}");
        std::fs::write(chain, "nothing").unwrap();
        assert!(refusal(&files).contains("there is no certificate in it"), "{}", refusal(&files));
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(chain, made.cert.pem()).unwrap();
        std::fs::write(key, "-----BEGIN PRIVATE KEY-----\n????\n-----END PRIVATE KEY-----\n").unwrap();
        let error = refusal(&files);
        assert!(error.starts_with("CONSOLE_TLS_KEY is ") && error.contains("it is no PEM"), "{error}");
        std::fs::write(key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let error = refusal(&files);
        assert!(error.starts_with("CONSOLE_TLS_KEY is ") && !error.contains('\n'), "{error}");
        std::fs::write(key, made.signing_key.serialize_pem()).unwrap();
        Tls::read(files).unwrap();
    }
}
