//! Damage to certificates and to what they are held against.

use piv::words::ObjectId as O;

use crate::Row;
use crate::certificates::Authority;
use crate::specimen::Damage::{Certificate, Elements, Known};
use crate::specimen::authority;

/// Replaces bytes that occur in a certificate by as many others.
fn patch(der: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let places: Vec<_> = (0..der.len())
        .filter(|at| der[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty(), "{}", hex::encode(from));
    for at in places {
        der[at..at + to.len()].copy_from_slice(to);
    }
}

/// 2.16.840.1.101.3 and what follows.
fn piv(last: &[u8]) -> Vec<u8> {
    [&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03], last].concat()
}

const KEY_USAGE: [u8; 3] = [0x55, 0x1D, 0x0F];
const DIGITAL_SIGNATURE: [u8; 4] = [0x03, 0x02, 0x07, 0x80];

pub(crate) const ROWS: &[Row] = &[
    // The curve secp256k1 in place of P-256.
    Row::new(
        "certificate.key",
        &["78.1"],
        &[],
        Certificate(O::SignatureCertificate, |der| {
            patch(
                der,
                &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
                &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x01],
            );
        }),
    ),
    Row::new(
        "certificate.key",
        &["78.1"],
        &[],
        Known(|card| {
            card.rules.rsa_2048_until = jiff::civil::date(2030, 12, 1);
        }),
    ),
    Row::new(
        "certificate.exponent",
        &["PKIX.14"],
        &["signature.verifies"],
        Certificate(O::Chuid, |der| {
            patch(der, &[0x02, 0x03, 1, 0, 1], &[0x02, 0x03, 1, 0, 3]);
        }),
    ),
    Row::new(
        "certificate.signature-algorithm",
        &["78.3"],
        &["trust.path"],
        Certificate(O::KeyManagementCertificate, |der| {
            // ecdsa-with-SHA256 to SHA224.
            patch(
                der,
                &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02],
                &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x01],
            );
        }),
    ),
    Row::new(
        "certificate.key-usage",
        // What stands in its place is critical and not understood.
        &["PKIX.2"],
        &["trust.path"],
        Certificate(O::SignatureCertificate, |der| {
            patch(der, &KEY_USAGE, &[0x55, 0x1D, 0x10]);
        }),
    ),
    Row::new(
        "certificate.key-usage",
        &["PKIX.4"],
        &[],
        Certificate(O::AuthenticationCertificate, |der| {
            patch(der, &DIGITAL_SIGNATURE, &[0x03, 0x02, 0x06, 0x40]);
        }),
    ),
    Row::new(
        "certificate.policies",
        &["PKIX.5"],
        &[],
        Certificate(O::AuthenticationCertificate, |der| {
            patch(der, &[0x55, 0x1D, 0x20], &[0x55, 0x1D, 0x7F]);
        }),
    ),
    Row::new(
        "certificate.policies",
        &["PKIX.6"],
        &[],
        Certificate(O::CardAuthenticationCertificate, |der| {
            patch(der, &piv(&[2, 1, 3, 17]), &piv(&[2, 1, 3, 18]));
        }),
    ),
    Row::new(
        "certificate.extended-key-usage",
        &["PKIX.19"],
        &["trust.path"],
        Certificate(O::CardAuthenticationCertificate, |der| {
            // Critical: a BOOLEAN after the identifier.
            patch(
                der,
                &[0x55, 0x1D, 0x25, 0x01, 0x01, 0xFF],
                &[0x55, 0x1D, 0x7F, 0x01, 0x01, 0xFF],
            );
        }),
    ),
    Row::new(
        "certificate.extended-key-usage",
        &["PKIX.20"],
        &[],
        Certificate(O::CardAuthenticationCertificate, |der| {
            patch(der, &piv(&[6, 8]), &piv(&[6, 7]));
        }),
    ),
    Row::new(
        "certificate.interim",
        &["PKIX.10"],
        &[],
        Certificate(O::AuthenticationCertificate, |der| {
            patch(der, &piv(&[6, 9, 1]), &piv(&[6, 9, 2]));
        }),
    ),
    Row::new(
        "certificate.issuer-access",
        &["PKIX.7", "PKIX.22"],
        &[],
        Certificate(O::SignatureCertificate, |der| {
            patch(
                der,
                &[0x2B, 6, 1, 5, 5, 7, 0x30, 2],
                &[0x2B, 6, 1, 5, 5, 7, 0x30, 3],
            );
        }),
    ),
    Row::new(
        "certificate.issuer-access",
        &["PKIX.25"],
        &[],
        Certificate(O::SignatureCertificate, |der| {
            patch(der, b"authority.p7c", b"authority.p7b");
        }),
    ),
    Row::new(
        "certificate.issuer-access",
        &["PKIX.30"],
        &[],
        Certificate(O::KeyManagementCertificate, |der| {
            patch(
                der,
                b"http://pki.example.org/authority.p7c",
                b"https//pki.example.org/authority.p7c",
            );
        }),
    ),
    Row::new(
        "certificate.issuer-access",
        &["PKIX.29"],
        &[],
        Certificate(O::KeyManagementCertificate, |der| {
            // A DNS name in place of a URI.
            patch(
                der,
                b"\x86\x24http://pki.example.org/authority.p7c",
                b"\x82\x24http://pki.example.org/authority.p7c",
            );
        }),
    ),
    Row::new(
        "certificate.ocsp",
        &["PKIX.7", "PKIX.8"],
        &[],
        Certificate(O::AuthenticationCertificate, |der| {
            patch(
                der,
                &[0x2B, 6, 1, 5, 5, 7, 0x30, 1],
                &[0x2B, 6, 1, 5, 5, 7, 0x30, 3],
            );
        }),
    ),
    Row::new(
        "certificate.ocsp",
        &["PKIX.9"],
        &[],
        Certificate(O::CardAuthenticationCertificate, |der| {
            patch(der, b"\x86\x17http://ocsp", b"\x82\x17http://ocsp");
        }),
    ),
    Row::new(
        "certificate.ocsp",
        &["PKIX.23"],
        &[],
        Certificate(O::CardAuthenticationCertificate, |der| {
            patch(der, b"http://ocsp", b"ldap://ocsp");
        }),
    ),
    Row::new(
        "certificate.revocation-lists",
        &["PKIX.24"],
        &[],
        Certificate(O::Chuid, |der| {
            patch(
                der,
                b"mirror.example.org/authority.crl",
                b"mirror.example.org/authority.crx",
            );
        }),
    ),
    Row::new(
        "certificate.revocation-lists",
        &["PKIX.31"],
        &[],
        Certificate(O::SignatureCertificate, |der| {
            patch(
                der,
                b"http://pki.example.org/authority.crl",
                b"https//pki.example.org/authority.crl",
            );
        }),
    ),
    Row::new(
        "certificate.ends-with-the-card",
        &["PKIX.13"],
        &[],
        Certificate(O::SignatureCertificate, |der| {
            patch(der, b"300629000000Z", b"300701000000Z");
        }),
    ),
    Row::new(
        "certificate.signer-outlives-card",
        &[],
        &[],
        Certificate(O::Chuid, |der| {
            patch(der, b"301230000000Z", b"300628000000Z");
        }),
    ),
    Row::new(
        "certificate.fasc-n",
        &["PKIX.12"],
        &[],
        Certificate(O::AuthenticationCertificate, |der| {
            let (right, wrong) = (crate::specimen::fasc_n(7), crate::specimen::fasc_n(8));
            patch(der, right.bytes(), wrong.bytes());
        }),
    ),
    Row::new(
        "certificate.card-uuid",
        &["PKIX.27"],
        &[],
        Certificate(O::CardAuthenticationCertificate, |der| {
            patch(der, b"urn:uuid:2f8d", b"urn:uuid:2f8e");
        }),
    ),
    Row::new(
        "certificate.other-names",
        &["PKIX.28"],
        &["certificate.card-uuid"],
        Certificate(O::CardAuthenticationCertificate, |der| {
            patch(der, b"urn:uuid:", b"urn:uvid:");
        }),
    ),
    Row::new(
        "certificate.names-this-card",
        &[],
        &[],
        Elements(O::SignatureCertificate, |it| {
            it[0].1 = crate::certificates::holder(
                &authority(),
                7,
                x509_cert::ext::pkix::KeyUsages::DigitalSignature
                    | x509_cert::ext::pkix::KeyUsages::NonRepudiation,
                Some((crate::specimen::fasc_n(8), crate::specimen::guid())),
            );
        }),
    ),
    Row::new(
        "trust.valid-now",
        &["PKIX.26"],
        &[],
        Certificate(O::Chuid, |der| {
            patch(der, b"250101000000Z", b"260701000000Z");
        }),
    ),
    Row::new(
        "trust.path",
        &[],
        &[],
        Known(|card| {
            let other = Authority::of_vectors("CN=Somebody else,O=Not For Use");
            card.trust.anchors = vec![other.certificate(Vec::new())];
        }),
    ),
    Row::new(
        "trust.path",
        &[],
        &[],
        Elements(O::KeyManagementCertificate, |it| {
            // The last byte is one of the signature.
            *it[0].1.last_mut().unwrap() ^= 1;
        }),
    ),
    // The holder's certificate for Digital Signature has the serial number 107.
    Row::new(
        "trust.not-revoked",
        &[],
        &[],
        Known(|card| {
            card.trust.revocation_lists = vec![authority().revoke(&[107], (2026, 6, 30))];
        }),
    ),
    Row::new(
        "trust.not-revoked",
        &[],
        &[],
        Known(|card| {
            card.trust.revocation_lists = vec![authority().revoke(&[], (2026, 5, 31))];
        }),
    ),
];
