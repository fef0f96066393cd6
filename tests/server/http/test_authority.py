"""The local authority: real handshakes, other programs' verifiers, renewal by a moved clock, and concurrent writers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mlmgmt.server.http.authority import Authority, Paths
from tests.conftest import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = "0123456789abcdef0123456789abcdef"
DAY = timedelta(days=1)


class Clock:
    """The real time, moved by hand."""

    def __init__(self) -> None:
        self.moved = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authority(tmp_path: Path, clock: Clock) -> Authority:
    return Authority(tmp_path / "config" / "homes" / HOME, clock)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def server_context(paths: Paths) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths.certificate, paths.key)
    return context


def client_context(ca: bytes) -> ssl.SSLContext:
    """A client that trusts this authority only, as strictly as newer Pythons do by default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=ca.decode())
    return context


@contextmanager
def serving(context: ssl.SSLContext, address: str = "127.0.0.1") -> Iterator[int]:
    """The port of a server that echoes the bytes of one request and ends; a refused handshake ends it, too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        listener.settimeout(20)

        def answer() -> None:
            plain, _ = listener.accept()
            plain.settimeout(20)
            with plain:
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        sent = connection.recv(4096)
                        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(sent)
                        connection.sendall(head + sent)
                except (ssl.SSLError, ConnectionError):
                    return

        thread = Thread(target=answer)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(20)


def ask(server: ssl.SSLContext, client: ssl.SSLContext, name: str, address: str = "127.0.0.1") -> bytes:
    """Send bytes to a server called `name` and get them back; returns its leaf certificate (DER)."""
    with (
        serving(server, address) as port,
        socket.create_connection((address, port), timeout=20) as plain,
        client.wrap_socket(plain, server_hostname=name) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
        connection.sendall(b"there and back")
        received = b"".join(iter(lambda: connection.recv(4096), b""))
        assert received.endswith(b"\r\n\r\nthere and back")
    return shown or b""


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        pytest.param("::1", "::1", marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")),
    ],
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_trusts_the_authority_talks_to_the_server(
    authority: Authority, name: str, address: str, version: ssl.TLSVersion
) -> None:
    paths = authority.ensure()
    client = client_context(paths.ca.read_bytes())
    client.maximum_version = version
    assert x509.load_der_x509_certificate(ask(server_context(paths), client, name, address)) == certificate(
        paths.certificate
    )


def test_a_client_that_trusts_another_home_s_authority_does_not(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other" / HOME, Clock()).ensure()
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(server_context(authority.ensure()), client_context(other.ca.read_bytes()), "localhost")


def test_the_certificates_say_what_they_are_for(authority: Authority) -> None:
    paths = authority.ensure()
    ca, leaf = certificate(paths.ca), certificate(paths.certificate)
    assert ca.subject.rfc4514_string() == ca.issuer.rfc4514_string() == "CN=mlmgmt local authority 01234567"
    assert ca.not_valid_after_utc - ca.not_valid_before_utc == 365 * DAY
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == 7 * DAY
    assert {extension.oid._name: extension.critical for extension in ca.extensions} == {
        "basicConstraints": True,
        "keyUsage": True,
        "nameConstraints": True,
        "subjectKeyIdentifier": False,
    }
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1"), ip_address("::1")]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def openssl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)


def test_openssl_accepts_the_leaf_at_its_strictest(authority: Authority) -> None:
    paths = authority.ensure()
    for name in (["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]):
        verify = ["verify", "-x509_strict", "-purpose", "sslserver", *name, "-CAfile", paths.ca, paths.certificate]
        done = openssl(*verify)
        assert done.returncode == 0, done.stderr


GET = """
require('https')
    .get(process.argv[1], answer => answer.resume().on('end', () => console.log(answer.statusCode)))
    .on('error', error => console.log(error.code))
"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_node_accepts_the_server_once_it_is_told_of_the_authority(authority: Authority, host: str) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    paths = authority.ensure()

    def get(**more: str) -> str:
        with serving(server_context(paths)) as port:
            command = ["node", "-e", GET, f"https://{host}:{port}/"]
            return subprocess.run(command, env=environment(**more), capture_output=True, text=True, check=True).stdout

    assert get(NODE_EXTRA_CA_CERTS=str(paths.ca)) == "200\n"
    assert get(NODE_EXTRA_CA_CERTS="") == "UNABLE_TO_VERIFY_LEAF_SIGNATURE\n"


def forge(paths: Paths, name: x509.GeneralName) -> Paths:
    """A leaf for any name, signed with the authority's key, as someone who stole the key could make it."""
    ca = certificate(paths.ca)
    signer = serialization.load_pem_private_key(paths.ca.with_suffix(".key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forged")]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - DAY / 24)
        .not_valid_after(datetime.now(UTC) + DAY)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    made = Paths(paths.ca, Path("forged.pem"), Path("forged.key"))
    made.certificate.write_bytes(forged.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


NAMES = [
    ("localhost", True),
    ("127.9.9.9", True),
    ("::1", True),
    ("example.com", False),
    ("localhost.example.com", False),
    ("128.0.0.1", False),
    ("::2", False),
]


@pytest.mark.parametrize(("name", "allowed"), NAMES)
def test_the_authority_s_key_is_worth_nothing_for_other_names(authority: Authority, name: str, allowed: bool) -> None:
    literal = name[0].isdigit() or ":" in name
    general = x509.IPAddress(ip_address(name)) if literal else x509.DNSName(name)
    forged = forge(authority.ensure(), general)

    store = verification.Store([certificate(forged.ca)])
    verifier = verification.PolicyBuilder().store(store).build_server_verifier(general)
    client = client_context(forged.ca.read_bytes())
    if allowed:
        assert verifier.verify(certificate(forged.certificate), [])
        assert ask(server_context(forged), client, name)
    else:
        with pytest.raises(verification.VerificationError, match="name constraint"):
            verifier.verify(certificate(forged.certificate), [])
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            ask(server_context(forged), client, name)
    done = openssl("verify", "-x509_strict", "-CAfile", forged.ca, forged.certificate)
    assert (done.returncode == 0) is allowed
    assert ("permitted subtree violation" in done.stderr) is not allowed


def test_keys_are_for_the_owner_alone(authority: Authority) -> None:
    before = os.umask(0)
    try:
        paths = authority.ensure()
    finally:
        os.umask(before)
    tls = paths.ca.parent

    def modes() -> dict[str, int]:
        return {path.name: path.stat().st_mode & 0o777 for path in tls.iterdir()}

    expected = {"ca.pem": 0o644, "ca.key": 0o600, "leaf.pem": 0o644, "leaf.key": 0o600}
    assert modes() == expected
    assert tls.stat().st_mode & 0o777 == tls.parent.stat().st_mode & 0o777 == 0o700
    for key in ("ca.key", "leaf.key"):
        (tls / key).chmod(0o644)
    authority.ensure()
    assert modes() == expected


def contents(paths: Paths) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(paths.ca.parent.iterdir())}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    assert set(before) == set(after)
    return {name for name in before if before[name] != after[name]}


LEAF = {"leaf.pem", "leaf.key"}


def test_certificates_are_renewed_when_little_time_is_left(authority: Authority, clock: Clock) -> None:
    paths = authority.ensure()
    steps = []
    for days in (0, 4.9, 5.1, 9.9, 10.2, 334.9, 335.1):
        before, clock.moved = contents(paths), days * DAY
        assert authority.ensure() == paths
        steps.append(changed(before, contents(paths)))
        leaf = certificate(paths.certificate)
        assert leaf.not_valid_before_utc <= clock() < leaf.not_valid_after_utc - 2 * DAY + DAY / 24
        assert leaf.not_valid_after_utc <= certificate(paths.ca).not_valid_after_utc
        leaf.verify_directly_issued_by(certificate(paths.ca))
    assert steps == [set(), set(), LEAF, set(), LEAF, LEAF, {"ca.pem"} | LEAF]


def test_an_authority_that_ran_out_gets_another_key(authority: Authority, clock: Clock) -> None:
    paths = authority.ensure()
    before, clock.moved = contents(paths), 366 * DAY
    authority.ensure()
    assert changed(before, contents(paths)) == {"ca.pem", "ca.key"} | LEAF


def test_a_clock_set_back_does_not_leave_certificates_of_the_future(authority: Authority, clock: Clock) -> None:
    clock.moved = 3 * DAY
    paths = authority.ensure()
    clock.moved = timedelta()
    assert authority.ensure() == paths
    assert ask(server_context(paths), client_context(paths.ca.read_bytes()), "localhost")


def test_a_running_server_takes_the_new_leaf_for_new_handshakes(authority: Authority, clock: Clock) -> None:
    clock.moved = -6 * DAY
    paths = authority.ensure()
    server, client = server_context(paths), client_context(paths.ca.read_bytes())
    assert not authority.renew(server)
    first = ask(server, client, "localhost")

    clock.moved = timedelta()
    assert authority.renew(server)
    second = ask(server, client, "localhost")
    assert first != second == ssl.PEM_cert_to_DER_cert(paths.certificate.read_text())
    assert not authority.renew(server)


def test_a_server_notices_a_leaf_that_another_worker_renewed(authority: Authority, clock: Clock) -> None:
    clock.moved = -6 * DAY
    paths = authority.ensure()
    server, client = server_context(paths), client_context(paths.ca.read_bytes())
    clock.moved = timedelta()
    Authority(paths.ca.parent.parent, clock).ensure()
    authority.ensure()
    assert authority.renew(server)
    assert ask(server, client, "localhost") == ssl.PEM_cert_to_DER_cert(paths.certificate.read_text())


def test_a_connection_that_stands_outlives_the_renewal(authority: Authority, clock: Clock) -> None:
    clock.moved = -6 * DAY
    paths = authority.ensure()
    server, client = server_context(paths), client_context(paths.ca.read_bytes())
    with (
        serving(server) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        client.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        clock.moved = timedelta()
        assert authority.renew(server)
        connection.sendall(b"still here")
        assert b"".join(iter(lambda: connection.recv(4096), b"")).endswith(b"still here")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_context_is_asked_whatever_it_speaks_and_an_empty_one_is_filled(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    paths = authority.ensure()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.maximum_version = version
    assert authority.renew(server)
    assert not authority.renew(server)
    assert ask(server, client_context(paths.ca.read_bytes()), "localhost")


def test_clients_that_loaded_the_authority_before_its_renewal_go_on(authority: Authority, clock: Clock) -> None:
    clock.moved = -340 * DAY
    paths = authority.ensure()
    server, old = server_context(paths), paths.ca.read_bytes()
    clock.moved = timedelta()
    assert authority.renew(server)
    assert paths.ca.read_bytes() != old
    for ca in (old, paths.ca.read_bytes()):
        assert ask(server, client_context(ca), "localhost")


def another_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def flipped(pem: bytes) -> bytes:
    """Change one bit: the last of a certificate's signature, so that it still parses; otherwise one inside the key."""
    if b"CERTIFICATE" not in pem:
        return pem[:100] + bytes([pem[100] ^ 1]) + pem[101:]
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    return ssl.DER_cert_to_PEM_cert(der[:-1] + bytes([der[-1] ^ 1])).encode()


@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "leaf.pem", "leaf.key"])
@pytest.mark.parametrize("harm", ["missing", "empty", "half", "flipped", "another"])
def test_what_is_damaged_or_half_written_is_made_anew(
    authority: Authority, tmp_path: Path, name: str, harm: str
) -> None:
    paths = authority.ensure()
    before, path = contents(paths), paths.ca.parent / name
    whole = before[name]
    other = Authority(tmp_path / "other" / HOME, Clock()).ensure()
    harmed = {
        "missing": b"",
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "flipped": flipped(whole),
        # As if it was interrupted after the new key was written, and before its certificate.
        "another": another_key() if name.endswith(".key") else (other.ca.parent / name).read_bytes(),
    }[harm]
    path.unlink() if harm == "missing" else path.write_bytes(harmed)

    authority.ensure()
    assert changed(before, contents(paths)) == (LEAF if name in LEAF else {"ca.pem", "ca.key"} | LEAF)
    assert ask(server_context(paths), client_context(paths.ca.read_bytes()), "localhost")


def test_an_authority_without_the_name_constraints_is_not_used(authority: Authority) -> None:
    paths = authority.ensure()
    signer = serialization.load_pem_private_key((paths.ca.with_suffix(".key")).read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    real = certificate(paths.ca)
    wide = (
        x509.CertificateBuilder()
        .subject_name(real.subject)
        .issuer_name(real.subject)
        .public_key(signer.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(real.not_valid_before_utc)
        .not_valid_after(real.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    paths.ca.write_bytes(wide.public_bytes(serialization.Encoding.PEM))
    authority.ensure()
    assert certificate(paths.ca).extensions.get_extension_for_class(x509.NameConstraints).critical


def test_what_an_interrupted_write_left_is_removed(authority: Authority) -> None:
    paths = authority.ensure()
    left = paths.ca.parent / ".mlmgmt-0011223344556677.tmp"
    left.write_bytes(another_key()[:50])
    authority.ensure()
    assert not left.exists()


WORKER = """
import json, ssl, sys
from datetime import UTC, datetime
from pathlib import Path
from mlmgmt.server.http.authority import Authority
authority = Authority(Path(sys.argv[1]), lambda: datetime.now(UTC))
print("ready", flush=True)
sys.stdin.read()
paths = authority.ensure()
ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(paths.certificate, paths.key)
print(json.dumps([path.read_text() for path in (paths.ca, paths.certificate, paths.key)]))
"""


def test_workers_that_start_at_once_show_one_leaf(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "homes" / HOME
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORKER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.close()
        worker.stdin = None
    answers = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    assert all(answer == answers[0] for answer in answers)
