//! Signatures of tokens, looked at by the library that our TLS looks at certificates with, so that no second one is built.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature as with;
use ring::signature::{RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

/// What tokens may be signed by. A shared secret is never a signature of somebody else's.
pub(super) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    // Asked for by what makes keys, which we don't.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes `jsonwebtoken` look at signatures by this module; as often as one likes.
pub(super) fn install() {
    // Fails when it has been done before.
    let _ = PROVIDER.install_default();
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that the library calls")]
fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    Err(new_error(ErrorKind::InvalidAlgorithm))
}

/// A key, and how it is used.
struct Key {
    algorithm: Algorithm,
    checks: Checks,
    public: DecodingKey,
}

enum Checks {
    Rsa(&'static RsaParameters),
    Other(&'static dyn VerificationAlgorithm),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that the library calls")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let checks = match algorithm {
        Algorithm::RS256 => Checks::Rsa(&with::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Checks::Rsa(&with::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Checks::Rsa(&with::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Checks::Rsa(&with::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Checks::Rsa(&with::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Checks::Rsa(&with::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Checks::Other(&with::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Checks::Other(&with::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Checks::Other(&with::ED25519),
        _ => return Err(new_error(ErrorKind::InvalidAlgorithm)),
    };
    if key.family() != algorithm.family() {
        return Err(new_error(ErrorKind::InvalidKeyFormat));
    }
    Ok(Box::new(Key { algorithm: *algorithm, checks, public: key.clone() }))
}

impl Verifier<Vec<u8>> for Key {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let is_right = match (&self.checks, self.public.kind()) {
            (Checks::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = RsaPublicKeyComponents { n: trimmed(n), e: trimmed(e) };
                key.verify(parameters, message, signature).is_ok()
            }
            (Checks::Other(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(*algorithm, key).verify(message, signature).is_ok()
            }
            _ => false,
        };
        if is_right { Ok(()) } else { Err(Error::new()) }
    }
}

impl JwtVerifier for Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Some write numbers with zeros in front.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::verify;

    use super::*;

    /// RFC 7515, appendix A.2.
    const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const MESSAGE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    #[test]
    fn the_standard_s_own_signature_is_right_and_no_other_one_is() {
        install();
        install();
        let key = DecodingKey::from_rsa_components(N, "AQAB").unwrap();
        let check = |message: &str, algorithm| verify(SIGNATURE, message.as_bytes(), &key, algorithm);
        assert!(check(MESSAGE, Algorithm::RS256).unwrap());
        assert!(!check(&MESSAGE.replace('e', "f"), Algorithm::RS256).unwrap());
        assert!(!check(MESSAGE, Algorithm::RS512).unwrap() && !check(MESSAGE, Algorithm::PS256).unwrap());
        assert!(check(MESSAGE, Algorithm::ES256).is_err(), "a key is of one kind");
        assert!(check(MESSAGE, Algorithm::HS256).is_err(), "no key that anybody may know is a secret");
    }
}
