"""What is never stored in a home: keys, tokens, and what this user trusts. Only the user can read these files."""

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
    """Return a new key like those of the original service: 64 random bytes in base64."""
    return b64encode(random.token_bytes(64)).decode()


class Secrets:
    """The secrets of one home. Missing files read as empty: a copy of a home has no secrets."""

    def __init__(self, home: Home) -> None:
        self._folder = home.trust
        self._trusted = home.trusted

    def _write(self, name: str, value: dict[str, Any]) -> None:
        path = self._folder / name
        files.make_private(path.parent)
        files.write(path, orjson.dumps(value, option=orjson.OPT_INDENT_2), mode=files.PRIVATE)

    def _read(self, name: str) -> dict[str, Any]:
        # An untrusted home may be a copy with the id of its original, whose secrets it must not see.
        return (files.read_json(f"{self._folder}/{name}") or {}) if self._trusted else {}

    def signing_key(self) -> bytes | None:
        """Return the key that signs this home's models; None if the home is not trusted."""
        path: Path = self._folder / "hmac.key"
        return path.read_bytes() if self._trusted and path.is_file() else None

    def proof(self, digest: str) -> dict[str, Any]:
        """Return the recorded check of models, by a digest of graph and models; empty if there is none.

        A check means trust, so it is stored here: what a home says about its own models is not trusted.
        """
        return self._read(f"proofs/{digest}.json")

    def keep_proof(self, digest: str, proof: dict[str, Any]) -> None:
        self._write(f"proofs/{digest}.json", proof)

    def service(self, resource: ServiceId, committed: Callable[[int], str | None]) -> dict[str, Any]:
        """Return the secrets of one web service: `keys`, `storageAccountKey`, `credentials` and `sas` by asset id.

        They are written before the revision that they belong to, and are valid only once it exists.

        Args:
            committed: returns the etag of a revision by its number, or None if it does not exist.
        """
        body = self._read(resource.secrets_file)
        if body and not (isinstance(body.get("revision"), int) and isinstance(body.get("secrets"), dict)):
            raise files.damaged(
                self._folder / resource.secrets_file, "it does not contain the secrets of a web service"
            )
        if body and committed(body["revision"]) == body.get("etag"):
            return dict(body["secrets"])
        return dict(body.get("before", {}))

    def keep_service(
        self, resource: ServiceId, secrets: dict[str, Any], before: dict[str, Any], *, revision: int, etag: str
    ) -> None:
        """Store the secrets of a revision that is not committed yet; `before` are the valid ones until then."""
        if secrets != before:
            body = {"revision": revision, "etag": etag, "secrets": secrets, "before": before}
            self._write(resource.secrets_file, body)

    def account_key(self, account: str) -> str | None:
        """Return the first key of a local storage account, which signs tokens."""
        return next(iter(self.account_keys(account)), None)

    def account_keys(self, account: str) -> tuple[str, ...]:
        """Return the keys of a local storage account: none, one or two. Each of them is valid."""
        body = self._read(_account_file(account))
        return tuple(body[name] for name in ("key", "key2") if isinstance(body.get(name), str))

    def keep_account_key(self, account: str, key: str, second: str | None = None) -> None:
        self._write(_account_file(account), {"key": key} | ({"key2": second} if second is not None else {}))

    def forget_account(self, account: str) -> None:
        (self._folder / _account_file(account)).unlink(missing_ok=True)

    def workspace(self, workspace: str) -> dict[str, Any]:
        """Return the tokens of a Classic workspace: `primary` and `secondary`."""
        return self._read(_workspace_file(workspace))

    def keep_workspace(self, workspace: str, tokens: dict[str, Any]) -> None:
        self._write(_workspace_file(workspace), tokens)

    def context(self) -> dict[str, Any]:
        """Return who is signed in: `account` and `role`."""
        return self._read("context.json")

    def keep_context(self, context: dict[str, Any]) -> None:
        self._write("context.json", context)

    def outside(self) -> dict[str, Any]:
        """Return what graphs may use: `scripts` (allowed or not), `databases` by server, `files` by address."""
        return self._read("outside.json")

    def keep_outside(self, body: dict[str, Any]) -> None:
        self._write("outside.json", body)

    def job(self, job: str) -> dict[str, Any]:
        """Return the web service parameters of a batch job, which may contain keys."""
        return self._read(f"jobs/{file_name(job)}.json")

    def keep_job(self, job: str, parameters: dict[str, Any]) -> None:
        self._write(f"jobs/{file_name(job)}.json", parameters)

    def forget_job(self, job: str) -> None:
        (self._folder / "jobs" / f"{file_name(job)}.json").unlink(missing_ok=True)

    def trusts_model(self, digest: str) -> bool:
        """Whether this user trusts the model with this SHA-256."""
        return bool(self._read(f"trusted-models/{digest}.json"))

    def trust_model(self, digest: str, when: str) -> None:
        self._write(f"trusted-models/{digest}.json", {"trustedOn": when})

    def token(self, digest: str) -> dict[str, Any]:
        """Return `expiresOn`, `account` and `role` of a bearer token, by its SHA-256; empty if it is unknown."""
        return self._read(f"tokens/{digest}.json")

    def keep_token(self, digest: str, body: dict[str, Any]) -> None:
        self._write(f"tokens/{digest}.json", body)

    def drop_expired_tokens(self, now: str) -> None:
        """Remove the tokens that expired before `now`."""
        folder = self._folder / "tokens"
        for path in folder.glob("*.json") if folder.is_dir() else ():
            if (files.read_json(path) or {}).get("expiresOn", now) < now:
                path.unlink(missing_ok=True)


def _account_file(account: str) -> str:
    return f"accounts/{file_name(account)}.json"


def _workspace_file(workspace: str) -> str:
    return f"workspaces/{file_name(workspace)}.json"
