"""Blobs, through the cloud's own Python client, unchanged."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobClient, BlobSasPermissions, ContainerClient, ContentSettings
from azure.storage.blob import generate_blob_sas as sign_blob
from azure.storage.blob import generate_container_sas as sign_container

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from tests.server.conftest import Server

DATA = bytes(range(256)) * 40
SOON, PAST = timedelta(hours=1), timedelta(hours=-1)


@dataclass
class Storage:
    """The home's storage account at a running server."""

    server: Server
    account: str
    keys: list[str]
    mlmgmt: Any
    open: ExitStack

    def place(self, blob: str, container: str = "data") -> str:
        from urllib.parse import quote

        return f"{self.server.origin}/{self.account}/{container}/{quote(blob)}"

    def blob(self, blob: str = "new.csv", permission: str = "racwd", **options: Any) -> BlobClient:
        """A client with a token from `mlmgmt sas`."""
        words = ["sas", "-Container", "data", "-Blob", blob, "-Permission", permission, "-o", "json"]
        token = self.mlmgmt(words, ok=True).json["SasBlobToken"]
        return self.client(self.place(blob) + token, **options)

    def signed(self, blob: str, permission: str, lasts: timedelta = SOON, **options: Any) -> BlobClient:
        """A client with a token that the cloud's own library signs with the account's key."""
        options = {"account_key": self.keys[0], **options}
        token = sign_blob(
            self.account, "data", blob, permission=permission, expiry=datetime.now(UTC) + lasts, **options
        )
        return self.client(f"{self.place(blob)}?{token}")

    def client(self, url: str, **options: Any) -> BlobClient:
        # No retries: a second attempt would get the same error.
        return self.open.enter_context(BlobClient.from_blob_url(url, retry_total=0, **options))

    def container(self, url: str) -> ContainerClient:
        return self.open.enter_context(ContainerClient.from_container_url(url, retry_total=0))


@pytest.fixture
def storage(serving: Server, mlmgmt: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    from contextlib import ExitStack

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    account = json.loads(mlmgmt("storage -o json", ok=True).out)[0]["name"]
    keys = [row["Value"] for row in mlmgmt(f"storage-keys -n {account} -o json", ok=True).json]
    with ExitStack() as stack:
        yield Storage(serving, account, keys, mlmgmt, stack)


def refused(kind: type[AzureError], status: int, code: str, action: Any, *words: Any, **options: Any) -> None:
    with pytest.raises(kind) as caught:
        action(*words, **options)
    error = caught.value
    assert isinstance(error, HttpResponseError)
    assert type(error) is kind
    assert (error.status_code, error.error_code) == (status, code)


def test_a_blob_from_its_upload_to_its_end(storage: Storage, home: Path) -> None:
    blob = storage.blob()
    assert not blob.exists()
    sent = blob.upload_blob(DATA)
    assert (home / "storage" / storage.account / "data" / "new.csv").read_bytes() == DATA
    assert blob.exists()
    assert blob.download_blob().readall() == DATA
    found = blob.get_blob_properties()
    assert found.size == len(DATA)
    assert found.etag == sent["etag"]
    assert abs(found.last_modified - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.last_modified == sent["last_modified"]
    assert str(found.blob_type) == "BlobType.BLOCKBLOB"
    blob.delete_blob()
    assert not blob.exists()
    refused(ResourceNotFoundError, 404, "BlobNotFound", blob.delete_blob)
    refused(ResourceNotFoundError, 404, "BlobNotFound", blob.download_blob)


def test_a_blob_is_overwritten_only_on_purpose(storage: Storage) -> None:
    blob = storage.blob()
    first = blob.upload_blob(b"one")
    refused(ResourceExistsError, 409, "BlobAlreadyExists", blob.upload_blob, b"two")
    assert blob.download_blob().readall() == b"one"
    second = blob.upload_blob(b"two", overwrite=True)
    assert blob.download_blob().readall() == b"two"
    assert second["etag"] != first["etag"]


def test_parts_of_a_blob(storage: Storage) -> None:
    blob = storage.blob()
    blob.upload_blob(DATA)
    assert blob.download_blob(offset=10, length=20).readall() == DATA[10:30]
    assert blob.download_blob(offset=len(DATA) - 5).readall() == DATA[-5:]
    assert blob.download_blob(offset=len(DATA) - 5, length=500).readall() == DATA[-5:]
    refused(HttpResponseError, 416, "InvalidRange", blob.download_blob, offset=len(DATA), length=1)
    # In pieces, as the client does with large blobs.
    pieces = storage.blob(permission="r", max_single_get_size=1000, max_chunk_get_size=999)
    assert pieces.download_blob(max_concurrency=2).readall() == DATA


def test_a_blob_comes_in_blocks(storage: Storage, home: Path) -> None:
    """Both large blobs and those whose length the client does not know in advance."""
    pieces = {"max_single_put_size": 1000, "max_block_size": 1000}
    large = storage.blob("large.bin", **pieces)
    large.upload_blob(DATA, max_concurrency=3, validate_content=True)
    assert large.download_blob().readall() == DATA
    refused(ResourceExistsError, 409, "BlobAlreadyExists", large.upload_blob, DATA[::-1])
    assert large.download_blob().readall() == DATA
    large.upload_blob(DATA[::-1], overwrite=True)
    assert large.download_blob().readall() == DATA[::-1]
    flowing = storage.blob("flowing.bin", **pieces)
    flowing.upload_blob(DATA[start : start + 700] for start in range(0, len(DATA), 700))
    assert flowing.download_blob().readall() == DATA
    assert not [path for path in (home / "uploads").rglob("*") if path.is_file()]

    by_hand = storage.blob("by hand.bin")
    by_hand.stage_block("one", b"1")
    by_hand.stage_block("two", b"2")
    assert not by_hand.exists()
    by_hand.commit_block_list([BlobBlock("two"), BlobBlock("one"), BlobBlock("two")])
    assert by_hand.download_blob().readall() == b"212"
    refused(HttpResponseError, 400, "InvalidBlockList", by_hand.commit_block_list, [BlobBlock("one")])
    refused(HttpResponseError, 400, "InvalidQueryParameterValue", by_hand.stage_block, "x" * 65, b"1")
    only_read = storage.blob("by hand.bin", permission="r")
    refused(HttpResponseError, 403, "AuthorizationPermissionMismatch", only_read.stage_block, "one", b"1")
    only_create = storage.blob("by hand.bin", permission="c")
    only_create.stage_block("one", b"1")
    refused(
        HttpResponseError,
        403,
        "AuthorizationPermissionMismatch",
        only_create.commit_block_list,
        [BlobBlock("one")],
    )
    assert by_hand.download_blob().readall() == b"212"


def test_an_empty_blob(storage: Storage) -> None:
    blob = storage.blob()
    blob.upload_blob(b"")
    assert blob.get_blob_properties().size == 0
    assert blob.download_blob().readall() == b""


def test_a_download_of_what_was_overwritten_meanwhile_is_not_mixed(storage: Storage) -> None:
    blob = storage.blob(max_single_get_size=1000, max_chunk_get_size=1000)
    blob.upload_blob(b"a" * 5000)
    reading = blob.download_blob()
    blob.upload_blob(b"b" * 5000, overwrite=True)
    refused(ResourceModifiedError, 412, "ConditionNotMet", reading.readall)


def test_an_etag_guards_a_blob(storage: Storage) -> None:
    blob = storage.blob()
    first = blob.upload_blob(b"one")["etag"]
    same = {"etag": first, "match_condition": MatchConditions.IfNotModified}
    second = blob.upload_blob(b"two", overwrite=True, **same)["etag"]
    refused(ResourceModifiedError, 412, "ConditionNotMet", blob.upload_blob, b"three", overwrite=True, **same)
    refused(ResourceModifiedError, 412, "ConditionNotMet", blob.delete_blob, **same)
    refused(ResourceModifiedError, 412, "ConditionNotMet", blob.download_blob, **same)
    assert blob.download_blob().readall() == b"two"
    known = {"etag": second, "match_condition": MatchConditions.IfModified}
    with pytest.raises(HttpResponseError) as caught:
        blob.download_blob(**known)
    assert caught.value.status_code == 304
    blob.delete_blob(etag=second, match_condition=MatchConditions.IfNotModified)


def test_of_two_changes_of_one_version_one_is_made(storage: Storage) -> None:
    blobs = [storage.blob() for _ in range(4)]
    etag = blobs[0].upload_blob(b"first")["etag"]

    def change(number: int) -> bool:
        try:
            blobs[number].upload_blob(
                b"%d" % number, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except ResourceModifiedError:
            return False
        return True

    with ThreadPoolExecutor(len(blobs)) as pool:
        made = list(pool.map(change, range(len(blobs))))
    assert made.count(True) == 1
    assert blobs[0].download_blob().readall() == b"%d" % made.index(True)


def test_what_was_damaged_on_the_way_is_not_kept(storage: Storage) -> None:
    blob = storage.blob()
    blob.upload_blob(DATA, validate_content=True)
    # The client sends the Content-MD5 header without checking it.
    wrong = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    refused(HttpResponseError, 400, "Md5Mismatch", blob.upload_blob, b"else", overwrite=True, headers=wrong)
    assert blob.download_blob(validate_content=True).readall() == DATA


def test_names_of_blobs(storage: Storage, home: Path) -> None:
    for name in ("a b/ü.csv", "100%.csv", "plus+and&.csv", "deep/er/and/deeper.csv"):
        blob = storage.blob(name)
        blob.upload_blob(name.encode())
        assert blob.download_blob().readall() == name.encode(), name
        assert storage.signed(name, "r").download_blob().readall() == name.encode(), name
    for name in ("../escaped.csv", "a/../../escaped.csv"):
        with pytest.raises(HttpResponseError):
            storage.signed(name, "racwd").upload_blob(b"no")
    assert not list(home.parent.rglob("escaped.csv"))


def test_names_that_no_file_can_have(storage: Storage) -> None:
    """The cloud accepts them all; here each is refused with 400 or 404, never with a 5xx."""
    storage.blob("a/b.csv").upload_blob(b"1")
    for name in ("x" * 300, "a", "a/b.csv/c.csv"):
        blob = storage.blob(name)
        refused(HttpResponseError, 400, "InvalidResourceName", blob.upload_blob, b"2", overwrite=True)
        with pytest.raises(HttpResponseError) as caught:
            blob.download_blob()
        assert caught.value.status_code in (400, 404), name
        assert not blob.exists() if len(name) < 300 else True
    assert storage.blob("a/b.csv").download_blob().readall() == b"1"


def test_tokens_of_the_account_key(storage: Storage) -> None:
    blob = storage.signed("new.csv", "cw")
    blob.upload_blob(DATA)
    for key in storage.keys:
        assert storage.signed("new.csv", "r", account_key=key).download_blob().readall() == DATA
    permission = BlobSasPermissions(read=True, delete=True)
    either = storage.signed("new.csv", permission, start=datetime.now(UTC) - SOON, protocol="https,http")  # type: ignore[arg-type]
    assert either.download_blob().readall() == DATA
    either.delete_blob()
    assert not either.exists()


def test_what_a_token_does_not_open(storage: Storage) -> None:
    storage.blob().upload_blob(DATA)
    denied = (ClientAuthenticationError, 403)
    expired = storage.signed("new.csv", "racwd", lasts=PAST)
    refused(*denied, "AuthenticationFailed", expired.download_blob)
    early = storage.signed("new.csv", "r", start=datetime.now(UTC) + SOON / 2)
    refused(*denied, "AuthenticationFailed", early.download_blob)
    other = storage.client(storage.place("new.csv") + "?" + storage.blob("other.csv").url.partition("?")[2])
    refused(*denied, "AuthenticationFailed", other.download_blob)
    stranger = storage.signed("new.csv", "r", account_key="c3RyYW5nZXI=")
    refused(*denied, "AuthenticationFailed", stranger.download_blob)
    altered = storage.client(storage.blob(permission="r").url.replace("sp=r", "sp=rw"))
    refused(*denied, "AuthenticationFailed", altered.upload_blob, b"x", overwrite=True)

    mismatch = "AuthorizationPermissionMismatch"
    reading = storage.blob(permission="r")
    refused(HttpResponseError, 403, mismatch, reading.upload_blob, b"x", overwrite=True)
    refused(HttpResponseError, 403, mismatch, reading.delete_blob)
    writing = storage.blob(permission="w")
    refused(HttpResponseError, 403, mismatch, writing.download_blob)
    creating = storage.blob(permission="c")
    refused(HttpResponseError, 403, mismatch, creating.upload_blob, b"x", overwrite=True)
    assert reading.download_blob().readall() == DATA

    nobody = storage.client(storage.place("new.csv"))
    refused(ClientAuthenticationError, 401, "NoAuthenticationInformation", nobody.download_blob)
    elsewhere = storage.client(reading.url.replace(storage.account, "elsewhere"))
    refused(ResourceNotFoundError, 404, "ResourceNotFound", elsewhere.download_blob)


def test_a_token_may_create_what_is_not_there(storage: Storage) -> None:
    creating = storage.blob(permission="c")
    creating.upload_blob(b"one")
    assert storage.blob(permission="r").download_blob().readall() == b"one"
    refused(ResourceExistsError, 409, "BlobAlreadyExists", creating.upload_blob, b"two")


def test_a_container_s_token_opens_its_blobs(storage: Storage) -> None:
    own = storage.mlmgmt("sas -Container data -Permission racwd -o json", ok=True).json["SasBlobToken"].lstrip("?")
    expiry = datetime.now(UTC) + SOON
    signed = sign_container(storage.account, "data", account_key=storage.keys[0], permission="racwd", expiry=expiry)
    for token in (own, signed):
        container = storage.container(f"{storage.server.origin}/{storage.account}/data?{token}")
        blob = container.upload_blob("in/side.csv", DATA)
        assert blob.get_blob_properties().name == "in/side.csv"
        assert container.download_blob("in/side.csv").readall() == DATA
        refused(ResourceExistsError, 409, "BlobAlreadyExists", container.upload_blob, "in/side.csv", b"x")
        container.delete_blob("in/side.csv")
        assert not container.get_blob_client("in/side.csv").exists()
        outside = storage.client(f"{storage.place('x.csv', 'other')}?{token}")
        refused(ClientAuthenticationError, 403, "AuthenticationFailed", outside.upload_blob, b"x")


def test_what_is_not_done_here_is_said(storage: Storage) -> None:
    blob = storage.blob()
    blob.upload_blob(DATA)
    with pytest.raises(HttpResponseError) as caught:
        blob.set_blob_metadata({"a": "b"})
    assert (caught.value.status_code, caught.value.error_code) == (400, "UnsupportedQueryParameter")
    token = blob.url.partition("?")[2]
    container = storage.container(f"{storage.server.origin}/{storage.account}/data?{token}")
    with pytest.raises(HttpResponseError) as caught:
        list(container.list_blobs())
    assert caught.value.status_code in (400, 404)


def test_a_blob_is_no_page_of_this_server(storage: Storage) -> None:
    """A browser never runs an uploaded page or script under the server's address."""
    blob = storage.blob("page.html")
    blob.upload_blob(b"<script>", content_settings=ContentSettings(content_type="text/html"))
    found = blob.get_blob_properties()
    assert found.content_settings.content_type == "application/octet-stream"
