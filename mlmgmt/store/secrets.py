"""What never stands in a home: keys, tokens, and whom this user trusts. Files for the owner alone, by home id."""

from __future__ import annotations

import secrets as random
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.ids import file_name
from mlmgmt.store import files

if TYPE_CHECKING:
    from pathlib import Path

    from mlmgmt.ids import ResourceId
    from mlmgmt.store.home import Home


def new_key() -> str:
    """A key of the kind the service gave out: 64 random bytes in base64."""
    return b64encode(random.token_bytes(64)).decode()


class Secrets:
    """The secrets of one home. What is missing reads as empty: a copy of a home simply has none."""

    def __init__(self, home: Home) -> None:
        self._folder = home.trust
        self._trusted = home.trusted

    def _write(self, name: str, value: dict[str, Any]) -> None:
        path = self._folder / name
        files.make_private(path.parent)
        files.write(path, orjson.dumps(value, option=orjson.OPT_INDENT_2), private=True)

    def _read(self, name: str) -> dict[str, Any]:
        # A copy bears the id of its original, whose secrets are none of its business until it is trusted.
        return (files.read_json(self._folder / name) or {}) if self._trusted else {}

    def signing_key(self) -> bytes | None:
        """The key that signs this home's models; None when the home is not trusted."""
        path: Path = self._folder / "hmac.key"
        return path.read_bytes() if self._trusted and path.is_file() else None

    def proof(self, digest: str) -> dict[str, Any]:
        """The proof recorded under a digest of graph and models; empty when there is none.

        A proof is trust, so it is kept here: what a home says of its models counts for nothing.
        """
        return self._read(f"proofs/{digest}.json")

    def keep_proof(self, digest: str, proof: dict[str, Any]) -> None:
        self._write(f"proofs/{digest}.json", proof)

    def service(self, resource: ResourceId) -> dict[str, Any]:
        """The secrets of one web service: `keys`, `storageAccountKey`, `credentials` and `sas` by asset id."""
        return self._read(_service_file(resource))

    def keep_service(self, resource: ResourceId, secrets: dict[str, Any]) -> None:
        if self.service(resource) != secrets:
            self._write(_service_file(resource), secrets)

    def account_key(self, account: str) -> str | None:
        """The key of a local storage account."""
        return self._read(f"accounts/{file_name(account)}.json").get("key")

    def keep_account_key(self, account: str, key: str) -> None:
        self._write(f"accounts/{file_name(account)}.json", {"key": key})

    def context(self) -> dict[str, Any]:
        """Who is connected: `account`, `role`."""
        return self._read("context.json")

    def keep_context(self, context: dict[str, Any]) -> None:
        self._write("context.json", context)

    def trusted_models(self) -> dict[str, Any]:
        """The digests of models that this user trusted by name."""
        return self._read("trusted-models.json")

    def trust_model(self, digest: str, when: str) -> None:
        self._write("trusted-models.json", self.trusted_models() | {digest: {"trustedOn": when}})

    def tokens(self) -> dict[str, Any]:
        """The bearer tokens handed out, by their SHA-256: `expiresOn`, `account`, `role`."""
        return self._read("tokens.json")

    def keep_tokens(self, tokens: dict[str, Any]) -> None:
        self._write("tokens.json", tokens)


def _service_file(resource: ResourceId) -> str:
    names = (resource.subscription, resource.group, resource.name)
    return "services/" + "/".join(map(file_name, names)) + ".json"
