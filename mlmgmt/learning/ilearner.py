"""`.ilearner` and `.itransform` files: a readable manifest, and what was learnt, which is opened only if trusted.

    mlmgmt-ilearner 1\\n            what it is
    <length of the manifest>\\n
    <manifest, JSON>              what was trained, on what, how good it is; the payload's length and SHA-256
    <payload>                     a compressed pickle of values; it names no class of this package
    <32 bytes>                    HMAC-SHA256 over all of the above, with the key of the home that trained it

Unpickling runs whatever the pickle says. So nothing is unpickled unless this home signed the file, or the user trusted
exactly these bytes by their SHA-256.
"""

from __future__ import annotations

import hmac
import io
import pickle
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from mlmgmt.errors import BadRequest, UntrustedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmgmt.modules.base import Transform
    from mlmgmt.modules.learners import Trained

MAGIC = b"mlmgmt-ilearner 1\n"
_SIGNATURE = 32
_PICKLE, _COMPRESSION = "pickle", 1
_LONGEST_MANIFEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Container:
    """The parts of a file. Nothing in it is trusted yet."""

    manifest: dict[str, Any]
    payload: memoryview
    signed: memoryview
    signature: bytes


def take_apart(data: bytes) -> Container:
    """Return the parts of a file, without opening the model.

    Raises:
        BadRequest: `InvalidModelFormat`: it is not a model file, or not a complete one.
    """
    if not data.startswith(MAGIC):
        _refuse("mlmgmt did not write it; models of the original service cannot run here.")
    view = memoryview(data)
    end = data.find(b"\n", len(MAGIC), len(MAGIC) + 12)
    length = data[len(MAGIC) : end]
    if end < 0 or not length.isdigit() or not 0 < int(length) <= _LONGEST_MANIFEST:
        _refuse("The length of its manifest cannot be read.")
    start, stop = end + 1, end + 1 + int(length)
    try:
        manifest = orjson.loads(view[start:stop])
        size, digest = manifest["payload"]["length"], manifest["payload"]["sha256"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        _refuse("Its manifest cannot be read.")
    if not isinstance(size, int) or not isinstance(digest, str) or stop + size + _SIGNATURE != len(data):
        _refuse("It is incomplete, or has extra bytes.")
    return Container(manifest, view[stop : stop + size], view[: stop + size], data[stop + size :])


def _refuse(reason: str) -> NoReturn:
    message = f"The model file cannot be used. {reason}"
    raise BadRequest(message, detail="InvalidModelFormat", hint="Train the model again here: mlmgmt retrain")


def manifest(data: bytes) -> dict[str, Any]:
    """Return the manifest of a file. It may be shown, but not trusted.

    Raises:
        BadRequest: `InvalidModelFormat`.
    """
    return take_apart(data).manifest


def pack(learnt: Trained | Transform, facts: dict[str, Any], *, key: bytes, home: str, rows: Any = None) -> bytes:
    """Return the bytes of a model file.

    Args:
        facts: members of the manifest: task, data, metrics, versions, time.
        key: the home's signing key; `home` is the home's id.
        rows: 64-bit digests of the rows it was trained on, to find out later whether it was trained on a row.
    """
    return add_signature(pack_unsigned(learnt, facts, home=home, rows=rows), key=key)


def pack_unsigned(learnt: Trained | Transform, facts: dict[str, Any], *, home: str, rows: Any = None) -> bytes:
    """Return a model file without its signature, for a process that trains but has no key; see `pack`."""
    from mlmgmt.modules import transformations
    from mlmgmt.modules.learners import Trained

    content: dict[str, Any]
    content = {"trained": learnt.state()} if isinstance(learnt, Trained) else transformations.content_of(learnt)
    # Not joblib's own form, which takes ten times as long for the many small arrays of a forest.
    payload = zlib.compress(pickle.dumps(content | {"rows": rows}, protocol=5), _COMPRESSION)
    described = {"format": _PICKLE, "length": len(payload), "sha256": sha256(payload).hexdigest()}
    head = orjson.dumps(facts | {"home": home, "payload": described}, option=orjson.OPT_INDENT_2)
    return MAGIC + str(len(head)).encode() + b"\n" + head + payload


def add_signature(content: bytes, *, key: bytes) -> bytes:
    """Sign a file from `pack_unsigned`."""
    return content + hmac.new(key, content, sha256).digest()


def unpack(
    data: bytes, *, key: bytes | None, home: str, trusts: Callable[[str], bool] = lambda _: False
) -> tuple[Trained | Transform, Any, dict[str, Any]]:
    """Return what was learnt, the digests of its training rows, and the manifest. The file is checked first.

    Args:
        trusts: whether the user trusts a file, by its SHA-256.

    Raises:
        BadRequest: `InvalidModelFormat`.
        UntrustedModel: `ModelAltered`, `ModelNotSignedHere`.
    """
    container = _check_trust(data, key, home, trusts)
    stated = container.manifest
    if sha256(container.payload).hexdigest() != stated["payload"]["sha256"]:
        _refuse("Its payload does not match its manifest.")
    return *_open_payload(container.payload, stated["payload"].get("format")), stated


def check(data: bytes, *, key: bytes | None, home: str, trusts: Callable[[str], bool] = lambda _: False) -> None:
    """Check that this home signed a file or the user trusts it, without opening it; see `unpack`."""
    _check_trust(data, key, home, trusts)


def _check_trust(data: bytes, key: bytes | None, home: str, trusts: Callable[[str], bool]) -> Container:
    container = take_apart(data)
    digest = sha256(data).hexdigest()
    if not trusts(digest):
        _check_signature(container, digest, key, home)
    return container


def open_unsigned(content: bytes) -> Trained | Transform:
    """Open a file that this process has just made with `pack_unsigned`; use `unpack` for all other files."""
    container = take_apart(content + bytes(_SIGNATURE))
    return _open_payload(container.payload, _PICKLE)[0]


class _Unpickler(pickle.Unpickler):
    """Find classes that files of version 0.1.0 name, at their present place."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("mlmgmt."):
            from mlmgmt.modules.transformations import classes_of_0_1_0

            if (known := classes_of_0_1_0().get((module, name))) is not None:
                return known
        return super().find_class(module, name)


def _open_payload(payload: memoryview, form: object) -> tuple[Trained | Transform, Any]:
    from mlmgmt.modules import transformations
    from mlmgmt.modules.learners import Trained

    if form != _PICKLE:
        _refuse(f"Its payload has the format {form!r}, but this version reads {_PICKLE!r}.")
    try:
        # Its signature was checked, or the user trusts it.
        content = _Unpickler(io.BytesIO(zlib.decompress(payload))).load()
        learnt: Trained | Transform
        if "trained" in content:
            learnt = Trained.of(content["trained"])
        elif "transformation" in content:
            learnt = content["transformation"]  # as version 0.1.0 wrote it
        else:
            learnt = transformations.from_content(content)
        rows = content["rows"]
    except Exception as error:
        # A trusted file may still contain anything, so unpickling can raise any exception.
        _refuse(f"Its payload cannot be opened ({type(error).__name__}).")
    return learnt, rows


def _check_signature(container: Container, digest: str, key: bytes | None, home: str) -> None:
    if key is not None and hmac.compare_digest(hmac.new(key, container.signed, sha256).digest(), container.signature):
        return
    maker = container.manifest.get("home")
    if maker == home and key is not None:
        message = "The model file says that it was made here, but its signature does not match: it was altered."
        hint = "Go back to the previous model with mlmgmt rollback, or train the model again."
        raise UntrustedModel(message, detail="ModelAltered", at=digest, hint=hint)
    message = f"The model was signed by another home ({str(maker)[:8]}…); opening it could run any code."
    hint = f"If you know where it comes from: mlmgmt trust-model {digest}"
    raise UntrustedModel(message, detail="ModelNotSignedHere", at=digest, hint=hint)
