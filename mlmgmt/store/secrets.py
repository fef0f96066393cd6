"""What never stands in a home: keys, tokens, and whom this user trusts. Files for the owner alone, by home id."""

from __future__ import annotations

import secrets as random
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.ids import file_name
from mlmgmt.store import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmgmt.ids import ServiceId
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
        files.write(path, orjson.dumps(value, option=orjson.OPT_INDENT_2), mode=files.PRIVATE)

    def _read(self, name: str) -> dict[str, Any]:
        # A copy bears the id of its original, whose secrets are none of its business until it is trusted.
        return (files.read_json(f"{self._folder}/{name}") or {}) if self._trusted else {}

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

    def service(self, resource: ServiceId, committed: Callable[[int], str | None]) -> dict[str, Any]:
        """The secrets of one web service: `keys`, `storageAccountKey`, `credentials` and `sas` by asset id.

        They are written before the revision they belong to, and count once that is there.

        Args:
            committed: the etag of the revision with a number, if there is one.
        """
        body = self._read(resource.secrets_file)
        if body and not (isinstance(body.get("revision"), int) and isinstance(body.get("secrets"), dict)):
            raise files.damaged(self._folder / resource.secrets_file, "it holds no secrets of a web service")
        if body and committed(body["revision"]) == body.get("etag"):
            return dict(body["secrets"])
        return dict(body.get("before", {}))

    def keep_service(
        self, resource: ServiceId, secrets: dict[str, Any], before: dict[str, Any], *, revision: int, etag: str
    ) -> None:
        """Keep the secrets that a revision, still to be committed, brings; `before` are those that count until then."""
        if secrets != before:
            body = {"revision": revision, "etag": etag, "secrets": secrets, "before": before}
            self._write(resource.secrets_file, body)

    def account_key(self, account: str) -> str | None:
        """The first key of a local storage account, which signs."""
        return next(iter(self.account_keys(account)), None)

    def account_keys(self, account: str) -> tuple[str, ...]:
        """The keys of a local storage account, of which any opens: none, one, or two."""
        body = self._read(_account_file(account))
        return tuple(body[name] for name in ("key", "key2") if isinstance(body.get(name), str))

    def keep_account_key(self, account: str, key: str, second: str | None = None) -> None:
        self._write(_account_file(account), {"key": key} | ({"key2": second} if second is not None else {}))

    def forget_account(self, account: str) -> None:
        (self._folder / _account_file(account)).unlink(missing_ok=True)

    def workspace(self, workspace: str) -> dict[str, Any]:
        """The tokens of a Classic workspace: `primary` and `secondary`."""
        return self._read(_workspace_file(workspace))

    def keep_workspace(self, workspace: str, tokens: dict[str, Any]) -> None:
        self._write(_workspace_file(workspace), tokens)

    def context(self) -> dict[str, Any]:
        """Who is connected: `account`, `role`."""
        return self._read("context.json")

    def keep_context(self, context: dict[str, Any]) -> None:
        self._write("context.json", context)

    def outside(self) -> dict[str, Any]:
        """What graphs may reach: `scripts` allowed or not, `databases` by server, `files` by address."""
        return self._read("outside.json")

    def keep_outside(self, body: dict[str, Any]) -> None:
        self._write("outside.json", body)

    def job(self, job: str) -> dict[str, Any]:
        """The web service parameters that a batch job was given; they may hold keys."""
        return self._read(f"jobs/{file_name(job)}.json")

    def keep_job(self, job: str, parameters: dict[str, Any]) -> None:
        self._write(f"jobs/{file_name(job)}.json", parameters)

    def forget_job(self, job: str) -> None:
        (self._folder / "jobs" / f"{file_name(job)}.json").unlink(missing_ok=True)

    def trusts_model(self, digest: str) -> bool:
        """Whether this user trusted a model by its SHA-256."""
        return bool(self._read(f"trusted-models/{digest}.json"))

    def trust_model(self, digest: str, when: str) -> None:
        self._write(f"trusted-models/{digest}.json", {"trustedOn": when})

    def token(self, digest: str) -> dict[str, Any]:
        """What is known of a bearer token, by its SHA-256: `expiresOn`, `account`, `role`; empty when it is unknown."""
        return self._read(f"tokens/{digest}.json")

    def keep_token(self, digest: str, body: dict[str, Any]) -> None:
        self._write(f"tokens/{digest}.json", body)

    def drop_expired_tokens(self, now: str) -> None:
        """Forget the tokens that ended before `now`."""
        folder = self._folder / "tokens"
        for path in folder.glob("*.json") if folder.is_dir() else ():
            if (files.read_json(path) or {}).get("expiresOn", now) < now:
                path.unlink(missing_ok=True)


def _account_file(account: str) -> str:
    return f"accounts/{file_name(account)}.json"


def _workspace_file(workspace: str) -> str:
    return f"workspaces/{file_name(workspace)}.json"
