"""The certificates of `mlmgmt serve --tls`: a local authority, and the short-lived leaf certificate that it signs.

Nothing is installed anywhere: to trust the authority, point a client at its certificate. The authority is limited to
loopback names and addresses, so trusting it opens nothing else, even to someone who steals its key.
"""

from __future__ import annotations

import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from mlmgmt.store import files, lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.x509 import Certificate, ExtensionType, Name

    Extensions = list[tuple[ExtensionType, bool]]

CA_LIFE = timedelta(days=365)
CA_LEAST = timedelta(days=30)
"""An authority with less time left than this is renewed."""
LEAF_LIFE = timedelta(days=7)
LEAF_LEAST = timedelta(days=2)
"""A leaf with less time left than this is renewed."""

_SKEW = timedelta(minutes=5)
"""How long before now a certificate begins: the clock of a container or a virtual machine may be slow."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The PEM files.

    Args:
        ca: the authority's certificate, for clients to trust.
        certificate: the leaf that the server shows.
        key: the leaf's private key.
    """

    ca: Path
    certificate: Path
    key: Path


class _Pair(NamedTuple):
    key: EllipticCurvePrivateKey
    certificate: Certificate


class Authority:
    """The local certificate authority of one home.

    Args:
        folder: the trust folder of a home that this user trusts; its name is the home's id.
        clock: returns the current time, with its time zone.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock
        self._tls = folder / "tls"
        self._paths = Paths(self._tls / "ca.pem", self._tls / "leaf.pem", self._tls / "leaf.key")
        self._ca_key = self._tls / "ca.key"

    def ensure(self) -> Paths:
        """Make the authority and the leaf, or renew what is damaged or expires soon. Several processes may do so.

        A renewed authority keeps its key while its earlier certificate is valid, so clients that loaded that one still
        trust the server. After damage or expiry it gets a new key.

        Raises:
            Conflict: `ResourceLocked`: another process held the lock for too long.
            OSError: the folder cannot be written; the files in it are unchanged.
        """
        with self._locked():
            self._current_leaf()
        return self._paths

    def renew(self, context: ssl.SSLContext) -> bool:
        """Do what `ensure` does, and load the leaf into a server's context if that has another one, or none.

        New handshakes get the new leaf; open connections are not affected. Call it in the thread that makes the
        handshakes: no other thread may use a context while it changes.

        Returns:
            Whether a leaf was loaded.

        Raises:
            Conflict: `ResourceLocked`, as with `ensure`.
            OSError: as with `ensure`.
        """
        from cryptography.hazmat.primitives.serialization import Encoding

        # Under the lock: another process may have written the new key, and not yet its certificate.
        with self._locked():
            if _loaded_certificate(context) == self._current_leaf().public_bytes(Encoding.DER):
                return False
            context.load_cert_chain(self._paths.certificate, self._paths.key)
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        files.make_private(self._tls)
        with lock.hold(self._folder, "tls"):
            yield

    def _current_leaf(self) -> Certificate:
        """Return the valid leaf, which is on disk with its key. Call it with the lock held."""
        files.clear_leftovers(self._tls)
        for key in (self._ca_key, self._paths.key):
            if key.exists() and key.stat().st_mode & 0o077:
                key.chmod(files.PRIVATE)
        # Certificates count in whole seconds.
        now = self._clock().astimezone(UTC).replace(microsecond=0)
        return self._leaf(self._authority(now), now)

    def _authority(self, now: datetime) -> _Pair:
        name = _name(f"mlmgmt local authority {self._folder.name[:8]}")
        known = _read(self._ca_key, self._paths.ca)
        if known and not _is_as_issued(
            known.certificate, name, known.certificate, _authority_extensions(known.key.public_key())
        ):
            known = None
        if known and _lasts(known.certificate, now, CA_LEAST):
            return known
        key = known.key if known and now < known.certificate.not_valid_after_utc else _new_key(self._ca_key)
        extensions = _authority_extensions(key.public_key())
        certificate = _issue(self._paths.ca, name, key.public_key(), extensions, name, key, now, CA_LIFE)
        return _Pair(key, certificate)

    def _leaf(self, authority: _Pair, now: datetime) -> Certificate:
        name, ca = _name("localhost"), authority.certificate
        signer = authority.key.public_key()
        known = _read(self._paths.key, self._paths.certificate)
        if (
            known
            and _is_as_issued(known.certificate, name, ca, _leaf_extensions(known.key.public_key(), signer))
            and known.certificate.not_valid_before_utc >= ca.not_valid_before_utc
            and _lasts(known.certificate, now, LEAF_LEAST)
        ):
            return known.certificate
        public = _new_key(self._paths.key).public_key()
        extensions = _leaf_extensions(public, signer)
        return _issue(self._paths.certificate, name, public, extensions, ca.subject, authority.key, now, LEAF_LIFE)


def _lasts(certificate: Certificate, now: datetime, least: timedelta) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - least


def _name(common: str) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _authority_extensions(public: EllipticCurvePublicKey) -> Extensions:
    """Return the extensions of the authority, and whether each is critical."""
    from cryptography import x509

    loopback = [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_network("127.0.0.0/8")),
        x509.IPAddress(ip_network("::1/128")),
    ]
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(signs_certificates=True), True),
        (x509.NameConstraints(permitted_subtrees=loopback, excluded_subtrees=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
    ]


def _leaf_extensions(public: EllipticCurvePublicKey, signer: EllipticCurvePublicKey) -> Extensions:
    """Return the extensions of the leaf, and whether each is critical."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    ]
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName(names), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False),
    ]


def _usage(*, signs_certificates: bool) -> ExtensionType:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key(path: Path) -> EllipticCurvePrivateKey:
    """Make a key and write it.

    The key is written before its certificate: an interruption leaves a pair that does not match, which is made again.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files.write(path, pem, mode=files.PRIVATE)
    return key


def _issue(
    path: Path,
    subject: Name,
    public: EllipticCurvePublicKey,
    extensions: Extensions,
    issuer: Name,
    signer: EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> Certificate:
    """Make a certificate for the key `public`, and write it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    begin = now - _SKEW
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number()).public_key(public)
    builder = builder.issuer_name(issuer).subject_name(subject)
    builder = builder.not_valid_before(begin).not_valid_after(begin + life)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    certificate = builder.sign(signer, hashes.SHA256())
    files.write(path, certificate.public_bytes(Encoding.PEM))
    return certificate


def _read(key_path: Path, certificate_path: Path) -> _Pair | None:
    """Read a key and its certificate; None when one is missing or damaged, or they do not match."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    with suppress(FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(key_path.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.public_key() == key.public_key():
            return _Pair(key, certificate)
    return None


def _is_as_issued(certificate: Certificate, subject: Name, issuer: Certificate, extensions: Extensions) -> bool:
    """Whether `issuer` signed the certificate, and this version would give a new one the same name and extensions."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    with suppress(ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.DuplicateExtension):
        certificate.verify_directly_issued_by(issuer)
        actual = [(extension.value, extension.critical) for extension in certificate.extensions]
        return certificate.subject == subject and actual == extensions
    return False


def _loaded_certificate(context: ssl.SSLContext) -> bytes | None:
    """Return the certificate (DER) in a server's context; None when it has none.

    A context cannot be asked for it, so this makes a handshake with the context in memory.
    """
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    forth, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    # ValueError: the handshake did not end, for example because the context requires a client certificate.
    with suppress(ssl.SSLError, ValueError):
        client = client_context.wrap_bio(back, forth)
        server = context.wrap_bio(forth, back, server_side=True)
        for side in (client, server, client, server, client):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
        return client.getpeercert(binary_form=True)
    return None
