"""Shared access signatures, compared with those that Azure's client makes with the same key."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from azure.storage.blob import (
    BlobSasPermissions,
    ContainerSasPermissions,
    _shared_access_signature,
    generate_blob_sas,
    generate_container_sas,
)

from mlmgmt.errors import AuthorizationFailed
from mlmgmt.store import sas
from mlmgmt.store.secrets import new_key

KEY, OTHER = new_key(), new_key()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BLOB = "models/a b/ü+%#.ilearner"


def client_token(**changed: Any) -> str:
    """Return a token for the blob from Azure's client, valid for an hour."""
    container, _, name = BLOB.partition("/")
    given = {
        "account_name": "acct",
        "container_name": container,
        "blob_name": name,
        "account_key": KEY,
        "permission": BlobSasPermissions(read=True),
        "expiry": NOW + timedelta(hours=1),
    }
    return str(generate_blob_sas(**{**given, **changed}))


def code_of(token: str, **changed: Any) -> str | None:
    """Return the error code of the check; None if it accepts the token."""
    given: dict[str, Any] = {"key": KEY, "account": "acct", "blob": BLOB, "now": NOW, **changed}
    try:
        sas.check(token, **given)
    except AuthorizationFailed as error:
        return error.details[0].code
    return None


@pytest.fixture(params=["2018-11-09", "2019-12-12", "2020-12-06", "2024-08-04", None], ids=str)
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client sign like one version of the service."""
    if request.param is None:
        return
    monkeypatch.setattr(_shared_access_signature, "X_MS_VERSION", request.param)
    if request.param < "2020-12-06":
        real = _shared_access_signature.sign_string

        def before_encryption_scopes(key: str, text: str, *more: Any) -> str:
            # The current client always signs an encryption scope, which older versions did not have.
            lines = text.split("\n")
            assert lines[10] == ""
            return str(real(key, "\n".join(lines[:10] + lines[11:]), *more))

        monkeypatch.setattr(_shared_access_signature, "sign_string", before_encryption_scopes)


@pytest.mark.usefixtures("version")
class TestTokensOfTheClient:
    @pytest.mark.parametrize("letter", "racwd")
    def test_a_token_allows_only_its_permission(self, letter: str) -> None:
        token = client_token(permission=letter)
        assert code_of(token, permission=letter) is None
        for other in set("racwd") - {letter}:
            assert code_of(token, permission=other) == "SasNotPermitted"

    def test_all_permissions_in_one_token(self) -> None:
        token = client_token(permission=BlobSasPermissions(read=True, add=True, create=True, write=True, delete=True))
        assert [code_of(token, permission=letter) for letter in "racwd"] == [None] * 5

    def test_a_token_expires(self) -> None:
        assert code_of(client_token(), now=NOW + timedelta(minutes=59)) is None
        assert code_of(client_token(), now=NOW + timedelta(minutes=61)) == "SasExpired"

    @pytest.mark.parametrize("start", [NOW, "2026-11-21", "2026-11-21T12:00Z"], ids=["second", "day", "minute"])
    def test_a_token_is_not_valid_before_its_start(self, start: Any) -> None:
        token = client_token(start=start)
        assert code_of(token) is None
        assert code_of(token, now=NOW - timedelta(days=1)) == "SasExpired"

    def test_a_token_is_for_one_blob_one_account_and_one_key(self) -> None:
        assert code_of(client_token()) is None
        assert code_of(client_token(), blob="models/other") == "SasInvalid"
        assert code_of(client_token(), account="acc") == "SasInvalid"
        assert code_of(client_token(), key=OTHER) == "SasInvalid"
        assert code_of(client_token(), key=(OTHER, KEY)) is None
        assert code_of(client_token(), key=()) == "SasInvalid"

    def test_a_response_header_is_signed_too(self) -> None:
        token = client_token(content_type="text/csv", content_disposition="attachment")
        assert code_of(token) is None
        assert code_of(token.replace("text/csv", "text/html")) == "SasInvalid"

    def test_an_altered_token_is_refused(self) -> None:
        token = client_token()
        assert code_of(token.replace("sp=r", "sp=rw")) == "SasInvalid"
        assert code_of(re.sub("se=2026", "se=2036", token)) == "SasInvalid"
        assert code_of(token.replace("sr=b", "sr=c")) == "SasInvalid"
        assert code_of(re.sub("sv=[^&]*", "sv=2015-02-21", token)) == "SasInvalid"
        assert code_of(re.sub("sig=[^&]*", "sig=", token)) == "SasInvalid"
        assert code_of(re.sub("sig=[^&]*", "sig=%FF", token)) == "SasInvalid"

    def test_a_container_s_token_opens_every_blob_in_it_and_no_other(self) -> None:
        token = generate_container_sas(
            "acct",
            "models",
            account_key=KEY,
            permission=ContainerSasPermissions(read=True, list=True),
            expiry=NOW + timedelta(hours=1),
        )
        for blob in (BLOB, "models/x", "models"):
            assert code_of(token, blob=blob) is None
        assert code_of(token, blob="models", permission="l") is None
        assert code_of(token, blob="models2/x") == "SasInvalid"
        assert code_of(token, permission="w") == "SasNotPermitted"

    def test_a_blob_s_token_does_not_open_its_container(self) -> None:
        assert code_of(client_token(permission="rl"), blob="models", permission="l") == "SasInvalid"

    def test_a_token_with_unsupported_restrictions_is_refused(self) -> None:
        assert code_of(client_token(ip="10.0.0.1")) == "SasInvalid"
        assert code_of(client_token(policy_id="policy")) == "SasInvalid"


class TestOurs:
    @pytest.mark.parametrize(("resource", "name"), [(sas.BLOB, BLOB), (sas.CONTAINER, "models")])
    def test_our_token_signs_the_text_of_the_2015_version(self, resource: str, name: str) -> None:
        token = sas.sign(KEY, "acct", name, now=NOW, permissions="rw", resource=resource)
        fields = {name: values[0] for name, values in parse_qs(token[1:]).items()}
        assert (fields["sv"], fields["sr"]) == ("2015-02-21", resource)
        # Permissions, start, expiry, resource, policy, version, and five response headers.
        text = f"rw\n2026-11-21T11:55:00Z\n2026-11-22T12:00:00Z\n/blob/acct/{name}\n\n2015-02-21\n\n\n\n\n"
        assert fields["sig"] == _shared_access_signature.sign_string(KEY, text)
        assert code_of(token, permission="w") is None

    def test_other_query_parameters_are_ignored(self) -> None:
        token = sas.sign(KEY, "acct", BLOB, now=NOW)
        assert code_of(f"{token}&comp=block&blockid=MQ%3D%3D&timeout=30") is None

    @pytest.mark.parametrize("token", ["", "?", "?sv=2015-02-21", "?sig=x&sv=2015-02-21&sr=b", "sv=9&sr=b&sig="])
    def test_incomplete_tokens_are_refused(self, token: str) -> None:
        assert code_of(token) == "SasInvalid"

    @pytest.mark.parametrize("expiry", ["", "soon", "2026-99-01"])
    def test_a_token_without_a_valid_end_is_refused(self, expiry: str) -> None:
        token = client_token(expiry=expiry) if expiry else client_token(expiry=None, policy_id="policy")
        assert code_of(token) == "SasInvalid"
