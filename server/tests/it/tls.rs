//! A server that speaks TLS itself: pages, the API and streams over it, and certificates that are replaced while it serves.

use std::path::PathBuf;

use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::tls::Version;
use serde_json::json;
use tokio::time::timeout;

use crate::harness::PATIENCE;
use crate::harness::client::Caller;
use crate::harness::forms::{PASSWORD, cookie, sign_in};
use crate::harness::process::{Serving, Site};
use crate::harness::sse::Reader;

/// Whoever vouches for the certificates of this server.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    /// Writes a certificate for this machine, and its key.
    fn issue(&self, files: &Files) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        std::fs::write(&files.certificate, certificate.pem()).expect("a file");
        std::fs::write(&files.key, key.serialize_pem()).expect("a file");
    }

    /// A client that believes this authority and nobody else.
    fn client(&self) -> reqwest::ClientBuilder {
        let root = reqwest::Certificate::from_pem(self.0.pem().as_bytes()).expect("a certificate");
        Caller::client().tls_built_in_root_certs(false).add_root_certificate(root)
    }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(site: &Site) -> Self {
        Self { certificate: site.path().join("chain.pem"), key: site.path().join("key.pem") }
    }

    fn settings(&self) -> [(&'static str, &str); 2] {
        let [certificate, key] = [&self.certificate, &self.key].map(|path| path.to_str().expect("UTF-8"));
        [("CONSOLE_TLS_CERTIFICATE", certificate), ("CONSOLE_TLS_KEY", key)]
    }
}

/// A server that speaks TLS, and whoever vouches for it.
async fn ready() -> (Site, Files, Authority, Serving) {
    let site = Site::new().await;
    let (files, authority) = (Files::of(&site), Authority::new());
    authority.issue(&files);
    let serving = site.serve_logging(&files.settings()).await;
    assert!(serving.url.starts_with("https://127.0.0.1:"), "{}", serving.url);
    (site, files, authority, serving)
}

#[tokio::test]
async fn member_signs_in_and_reads_over_tls() {
    let (site, _, authority, serving) = ready().await;
    site.json(&[
        "user",
        "create",
        "--email",
        "ada@example.com",
        "--name",
        "Ada",
        "--username",
        "ada",
        "--password",
        PASSWORD,
        "--verified",
    ])
    .await;
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client = authority.client().min_tls_version(version).max_tls_version(version);
        let anon = Caller::of(client, &serving.url, None);
        let entered = sign_in(&anon, "ada@example.com", PASSWORD).await;
        assert_eq!(entered.status, 303, "{}", entered.text);
        let set = entered.header("set-cookie");
        assert!(set.starts_with("__Host-plexe_session=") && set.contains("; Secure"), "{set}");
        for path in ["/", "/auth/user", "/healthz", "/nowhere"] {
            let request = anon.request(Method::GET, path).header("cookie", cookie(&entered));
            let shown = crate::harness::client::answer(request).await;
            assert!(shown.status == 200 || path == "/nowhere", "{path}: {}", shown.text);
            assert_eq!(
                shown.header("strict-transport-security"),
                "max-age=31536000; includeSubDomains",
                "{path}"
            );
        }
    }
    let plain = reqwest::get(serving.url.replace("https", "http")).await;
    assert!(plain.is_err(), "nothing is said in the clear");
    assert!(
        Caller::client().build().unwrap().get(&serving.url).send().await.is_err(),
        "nobody else vouches for it"
    );
    assert_eq!(serving.terminate().await, Some(0));
}

#[tokio::test]
async fn service_charges_and_a_stream_tells_over_tls() {
    let (site, _, authority, serving) = ready().await;
    let user = site.user("ada").await;
    let words =
        ["api-key", "create", "--email", "ada@example.com", "--name", "k", "--permission", "read_only"];
    let key = site.json(&words).await["key"].as_str().unwrap().to_owned();
    let service = Caller::of(authority.client(), &serving.url, Some(&site.service_key().await));
    let mut reader = Reader::open(&Caller::of(authority.client(), &serving.url, Some(&key)), "", None).await;
    let began = reader.group().await;
    assert_eq!(began.last().unwrap().body["balance"], 100);
    for number in 1..=20 {
        let event = json!({"id": format!("job-{number}"), "source": "builder", "user_id": user["user_id"], "operation": "model.prediction", "quantity": 10});
        service.post("/usage/events", &event).await.ok();
        let told = reader.group().await;
        assert_eq!(told.last().unwrap().body["balance"], 100 - number, "{told:?}");
    }
    assert_eq!(serving.terminate().await, Some(0), "an open stream keeps nobody from ending");
    assert_eq!(reader.next().await, None);
}

/// Waits until the log says this.
async fn says(site: &Site, words: &str) {
    let said = async {
        while !site.log().contains(words) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("{words:?} is not in {}", site.log()));
}

#[tokio::test]
async fn operator_replaces_the_certificate_while_the_server_serves() {
    let (site, files, old, serving) = ready().await;
    let healthy = async |client: reqwest::ClientBuilder| {
        client.build().unwrap().get(format!("{}/healthz", serving.url)).send().await.is_ok()
    };
    let new = Authority::new();
    std::fs::write(&files.key, "no key").unwrap();
    serving.hang_up().await;
    says(&site, "the certificate stays the one that was read before").await;
    assert!(healthy(old.client()).await);
    new.issue(&files);
    serving.hang_up().await;
    says(&site, "the certificate was read anew").await;
    assert!(healthy(new.client()).await);
    assert!(!healthy(old.client()).await);
    assert_eq!(serving.terminate().await, Some(0));
}

#[tokio::test]
async fn operator_names_a_wrong_file_and_is_told_which() {
    let site = Site::new().await;
    let files = Files::of(&site);
    Authority::new().issue(&files);
    std::fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let Err(ended) = site.try_serve(&files.settings()).await else { panic!("it serves") };
    let said =
        format!("error: CONSOLE_TLS_KEY is {:?}; it must be a PEM file with the private key", files.key);
    assert!(ended.refusal(1).starts_with(&said), "{ended:?}");
}
