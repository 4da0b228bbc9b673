"""The certificates that are made here, as strict clients read them."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from portcall.management.tls.certificates import (
    AUTHORITY_DAYS,
    SERVER_DAYS,
    alternative,
    days_left,
    is_signed_by,
    issue,
    make_authority,
    names_of,
    read_identity,
)

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
NAMES = ["127.0.0.1", "::1", "localhost", "portcall.internal"]
AUTHORITY = make_authority(NOW)
SERVER = issue(AUTHORITY, NAMES, NOW)


def test_the_ca_is_one_and_signs_certificates() -> None:
    certificate = AUTHORITY.certificate
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert basic.critical and basic.value.ca and basic.value.path_length == 0
    assert usage.critical and usage.value.key_cert_sign and not usage.value.digital_signature
    assert days_left(certificate, NOW) == AUTHORITY_DAYS
    assert is_signed_by(certificate, certificate)


def test_the_servers_certificate_is_for_servers() -> None:
    found = SERVER.certificate.extensions
    usage = found.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.key_encipherment and not usage.key_cert_sign
    assert not found.get_extension_for_class(x509.BasicConstraints).value.ca
    extended = found.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert names_of(SERVER.certificate) == set(NAMES)
    assert days_left(SERVER.certificate, NOW) == SERVER_DAYS


def test_each_names_its_key_and_its_signers() -> None:
    ca = AUTHORITY.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    for certificate in (AUTHORITY.certificate, SERVER.certificate):
        signer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert signer.key_identifier == ca.digest
    own = SERVER.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own.digest != ca.digest


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_verifier_takes_it_for_each_name(name: str) -> None:
    subject = alternative(name)
    assert isinstance(subject, x509.DNSName | x509.IPAddress)
    builder = verification.PolicyBuilder().store(verification.Store([AUTHORITY.certificate]))
    builder.time(NOW).build_server_verifier(subject).verify(SERVER.certificate, [])


def test_two_cas_have_two_names() -> None:
    assert make_authority(NOW).certificate.subject != AUTHORITY.certificate.subject


def test_a_pair_is_read_as_it_was_written_and_a_wrong_one_is_not() -> None:
    again = read_identity(SERVER.certificate_pem, SERVER.key_pem)
    assert again.certificate == SERVER.certificate
    with pytest.raises(ValueError, match="not the certificate's"):
        read_identity(SERVER.certificate_pem, AUTHORITY.key_pem)
    assert not is_signed_by(SERVER.certificate, make_authority(NOW).certificate)
