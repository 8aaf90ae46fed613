//! What a browser brings of a passkey is read and checked here: WebAuthn Level 3, 7.1 and 7.2, for attestation "none"
//! (docs/decisions/0023). Nothing here knows users or rows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::config::BaseUrl;

/// Bytes of a credential's id at most (WebAuthn, 4).
const LONGEST_ID: usize = 1_023;
/// Hash of the relying party, flags, counter.
const HEAD: usize = 32 + 1 + 4;
/// What the authenticator is; not looked at.
const AAGUID: usize = 16;

/// Flags of the authenticator (WebAuthn, 6.1).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// `AlgorithmIdentifier`s of the keys that are taken: P-256 (RFC 5480), Ed25519 (RFC 8410), RSA (RFC 3279).
const P256: &[u8] = &[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
const EDWARDS: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// Why what was brought is not believed. For the log; nobody else is told which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{0} can't be read")]
    Unreadable(&'static str),
    #[error("it was signed for another kind of ceremony")]
    Type,
    #[error("it was signed for another challenge")]
    Challenge,
    #[error("it was signed on another origin")]
    Origin,
    #[error("it was signed inside a page of another origin")]
    Framed,
    #[error("it was signed for another relying party")]
    RelyingParty,
    #[error("nobody was there")]
    Absent,
    #[error("nobody showed that it is them")]
    Unverified,
    #[error("the credential is another")]
    Credential,
    #[error("its key is of a kind that is not taken")]
    Key,
    #[error("the signature is wrong")]
    Signature,
}

/// Who asks: the console at its base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// A domain.
    pub id: String,
    origin: String,
}

impl RelyingParty {
    /// `None` where the console has no domain: browsers know no passkeys for an IP address.
    pub fn of(base_url: &BaseUrl) -> Option<Self> {
        let id = base_url.domain()?.to_owned();
        Some(Self { id, origin: base_url.as_str().to_owned() })
    }
}

/// What a browser brings that has made a passkey, each in base64url.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Made {
    pub credential: String,
    pub client_data: String,
    pub authenticator_data: String,
    /// `SubjectPublicKeyInfo`, from `getPublicKey()`.
    pub public_key: String,
}

/// What a browser brings that has signed with one, each in base64url.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Signed {
    pub credential: String,
    pub client_data: String,
    pub authenticator_data: String,
    pub signature: String,
    pub user_handle: String,
}

/// A passkey to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    pub id: Vec<u8>,
    /// `SubjectPublicKeyInfo`, DER.
    pub public_key: Vec<u8>,
    pub counter: u32,
}

/// What the browser itself says that it has signed (WebAuthn, 5.8.1). Further fields may come.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    is_cross_origin: bool,
}

impl Made {
    /// The passkey that was made for this challenge.
    pub fn verify(&self, party: &RelyingParty, challenge: &str) -> Result<NewCredential, Fault> {
        check_client_data(party, &self.client_data, "webauthn.create", challenge)?;
        let data = decode(&self.authenticator_data, "the authenticator's data")?;
        let (head, rest) = Head::read(&data, party)?;
        if head.flags & ATTESTED == 0 {
            return Err(Fault::Credential);
        }
        let id = attested_id(rest).ok_or(Fault::Unreadable("the attested credential"))?;
        if id.is_empty() || id.len() > LONGEST_ID || id != decode(&self.credential, "the id")? {
            return Err(Fault::Credential);
        }
        // The authenticator's own form of the key stands behind the id, in CBOR. Both are the browser's word here, since
        // nothing is attested, and it gives the key in DER as well (WebAuthn, 5.2.1.1).
        let public_key = decode(&self.public_key, "the public key")?;
        Key::read(&public_key).ok_or(Fault::Key)?;
        Ok(NewCredential { id: id.to_vec(), public_key, counter: head.counter })
    }
}

impl Signed {
    /// The credential's id.
    pub fn credential_id(&self) -> Result<Vec<u8>, Fault> {
        decode(&self.credential, "the id")
    }

    /// Who the device says it is; empty when it says nothing.
    pub fn handle(&self) -> Result<Vec<u8>, Fault> {
        decode(&self.user_handle, "the user handle")
    }

    /// The counter that was signed with this challenge by whoever has the key's other half.
    pub fn verify(&self, party: &RelyingParty, challenge: &str, public_key: &[u8]) -> Result<u32, Fault> {
        let client_data = check_client_data(party, &self.client_data, "webauthn.get", challenge)?;
        let data = decode(&self.authenticator_data, "the authenticator's data")?;
        let (head, _) = Head::read(&data, party)?;
        let signature = decode(&self.signature, "the signature")?;
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        Key::read(public_key).ok_or(Fault::Key)?.verify(&signed, &signature)?;
        Ok(head.counter)
    }
}

fn decode(text: &str, what: &'static str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Fault::Unreadable(what))
}

/// The client data as it was signed, if it says what it must.
fn check_client_data(
    party: &RelyingParty,
    text: &str,
    kind: &str,
    challenge: &str,
) -> Result<Vec<u8>, Fault> {
    let unreadable = Fault::Unreadable("the client data");
    let bytes = decode(text, "the client data")?;
    let data: ClientData = serde_json::from_slice(&bytes).map_err(|_| unreadable)?;
    if data.kind != kind {
        return Err(Fault::Type);
    }
    if data.challenge != challenge {
        return Err(Fault::Challenge);
    }
    if data.origin != party.origin {
        return Err(Fault::Origin);
    }
    if data.is_cross_origin {
        return Err(Fault::Framed);
    }
    Ok(bytes)
}

/// What all authenticator data begins with (WebAuthn, 6.1).
struct Head {
    flags: u8,
    counter: u32,
}

impl Head {
    /// It, and what follows. Whoever signed was there, and showed the device that it was them.
    fn read<'d>(data: &'d [u8], party: &RelyingParty) -> Result<(Self, &'d [u8]), Fault> {
        let unreadable = Fault::Unreadable("the authenticator's data");
        let (head, rest) = data.split_at_checked(HEAD).ok_or(unreadable)?;
        let (hash, head) = head.split_at_checked(32).ok_or(unreadable)?;
        let [flags, a, b, c, d] = *head else { return Err(unreadable) };
        if hash != Sha256::digest(party.id.as_bytes()).as_slice() {
            return Err(Fault::RelyingParty);
        }
        if flags & PRESENT == 0 {
            return Err(Fault::Absent);
        }
        if flags & VERIFIED == 0 {
            return Err(Fault::Unverified);
        }
        Ok((Self { flags, counter: u32::from_be_bytes([a, b, c, d]) }, rest))
    }
}

/// The id in attested credential data (WebAuthn, 6.5.1).
fn attested_id(data: &[u8]) -> Option<&[u8]> {
    let (length, rest) = data.get(AAGUID..)?.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// A key that can verify, and how.
struct Key<'k> {
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: &'k [u8],
}

impl<'k> Key<'k> {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, 4.1); `None`: it is none, or of a kind that is not taken.
    fn read(der: &'k [u8]) -> Option<Self> {
        let (info, after) = element(SEQUENCE, der)?;
        let (algorithm, rest) = element(SEQUENCE, info)?;
        let (bits, behind) = element(BIT_STRING, rest)?;
        // The first byte says how many bits of the last one don't count.
        let (&0, bytes) = bits.split_first()? else { return None };
        if !after.is_empty() || !behind.is_empty() {
            return None;
        }
        let is_point = bytes.len() == 65 && bytes.first() == Some(&4);
        let algorithm: &'static dyn VerificationAlgorithm = match algorithm {
            P256 if is_point => &ECDSA_P256_SHA256_ASN1,
            EDWARDS if bytes.len() == 32 => &ED25519,
            RSA => &RSA_PKCS1_2048_8192_SHA256,
            _ => return None,
        };
        Some(Self { algorithm, bytes })
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Fault> {
        let key = UnparsedPublicKey::new(self.algorithm, self.bytes);
        key.verify(signed, signature).map_err(|_| Fault::Signature)
    }
}

/// The content of a DER element with this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            rest.split_first_chunk::<2>().map(|(two, rest)| (usize::from(u16::from_be_bytes(*two)), rest))?
        }
        _ => return None,
    };
    if found == tag { rest.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(url: &str) -> Option<RelyingParty> {
        RelyingParty::of(&url.parse().unwrap())
    }

    #[test]
    fn a_relying_party_is_a_domain() {
        let found = party("https://console.example.org:8443").unwrap();
        assert_eq!(
            (found.id.as_str(), found.origin.as_str()),
            ("console.example.org", "https://console.example.org:8443")
        );
        assert_eq!(party("http://localhost:3000").unwrap().id, "localhost");
        for ip in
            ["http://127.0.0.1:3000", "http://[::1]:3000", "https://10.0.0.5", "https://[2001:db8::1]:8443"]
        {
            assert_eq!(party(ip), None, "{ip}");
        }
    }

    #[test]
    fn keys_of_other_kinds_are_not_taken() {
        let info = |algorithm: &[u8], key: &[u8]| {
            let mut inner = vec![SEQUENCE, u8::try_from(algorithm.len()).unwrap()];
            inner.extend(algorithm);
            inner.extend([BIT_STRING, u8::try_from(key.len() + 1).unwrap(), 0]);
            inner.extend(key);
            [&[SEQUENCE, 0x81, u8::try_from(inner.len()).unwrap()], inner.as_slice()].concat()
        };
        let point = [&[4; 1], [7; 64].as_slice()].concat();
        assert!(Key::read(&info(P256, &point)).is_some());
        assert!(Key::read(&info(EDWARDS, &[7; 32])).is_some());
        let curve_384 = &[&P256[..9], &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]].concat();
        let compressed = [&[2; 1], [7; 32].as_slice()].concat();
        for wrong in [
            info(curve_384, &point),
            info(P256, &compressed),
            info(EDWARDS, &[7; 31]),
            [info(P256, &point), vec![0]].concat(),
            info(P256, &point)[..80].to_vec(),
            vec![],
        ] {
            assert!(Key::read(&wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        let party = party("http://localhost:3000").unwrap();
        for length in 0..90 {
            let data = URL_SAFE_NO_PAD.encode(vec![0xff; length]);
            let made = Made {
                credential: data.clone(),
                client_data: data.clone(),
                authenticator_data: data.clone(),
                public_key: data.clone(),
            };
            assert!(made.verify(&party, "x").is_err());
            assert!(Head::read(&vec![0xff; length], &party).is_err());
            assert!(attested_id(&vec![0xff; length]).is_none());
            assert!(element(SEQUENCE, &vec![SEQUENCE; length]).is_none_or(|(inner, _)| inner.len() < length));
        }
    }
}
