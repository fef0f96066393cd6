"""`.ilearner` and `.itransform` files: a manifest anybody may read, and what was learnt, opened only when trusted.

    mlmgmt-ilearner 1\\n            what it is
    <length of the manifest>\\n
    <manifest, JSON>              what was trained, on what, how good it is; the payload's length and SHA-256
    <payload>                     a compressed pickle of values; it names no class of this package
    <32 bytes>                    HMAC-SHA256 over all of the above, under the key of the home that trained it

Unpickling runs whatever the pickle says. So nothing is unpickled unless the signature is this home's own, or the user
trusted exactly these bytes by their SHA-256.
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

from mlmgmt.errors import BadRequest, Detail, UntrustedModel

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
    """A file taken apart; nothing in it has been believed yet."""

    manifest: dict[str, Any]
    payload: memoryview
    signed: memoryview
    signature: bytes


def take_apart(data: bytes) -> Container:
    """The parts of a file, without opening the model.

    Raises:
        BadRequest: `InvalidModelFormat`: it is not such a file, or not a whole one.
    """
    if not data.startswith(MAGIC):
        _refuse("It is not a model of mlmgmt; models of the original service cannot be run here.")
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
        _refuse("It is cut short, or something was added to it.")
    return Container(manifest, view[stop : stop + size], view[: stop + size], data[stop + size :])


def _refuse(reason: str) -> NoReturn:
    message = f"The model file cannot be used. {reason}"
    hint = "Train the model again here: mlmgmt retrain."
    raise BadRequest(message, details=[Detail("InvalidModelFormat", message)], hint=hint)


def manifest(data: bytes) -> dict[str, Any]:
    """What a file says of itself; enough to show, not to trust.

    Raises:
        BadRequest: `InvalidModelFormat`.
    """
    return take_apart(data).manifest


def pack(learnt: Trained | Transform, facts: dict[str, Any], *, key: bytes, home: str, rows: Any = None) -> bytes:
    """The bytes of a model file.

    Args:
        facts: for the manifest: task, data, metrics, versions, time.
        key: the home's signing key; `home` is its id.
        rows: 64-bit digests of the rows it was trained on, kept to tell later whether it has seen a row.
    """
    return add_signature(pack_unsigned(learnt, facts, home=home, rows=rows), key=key)


def pack_unsigned(learnt: Trained | Transform, facts: dict[str, Any], *, home: str, rows: Any = None) -> bytes:
    """A model file but for its signature, for whoever learns and has no key; see `pack`."""
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
    """A model file that `unsigned` made, with its signature."""
    return content + hmac.new(key, content, sha256).digest()


def unpack(
    data: bytes, *, key: bytes | None, home: str, trusts: Callable[[str], bool] = lambda _: False
) -> tuple[Trained | Transform, Any, dict[str, Any]]:
    """What was learnt, the digests of the rows it saw, and the manifest; checked before anything is unpickled.

    Args:
        trusts: whether the user trusted a whole file by its SHA-256.

    Raises:
        BadRequest: `InvalidModelFormat`.
        UntrustedModel: `ModelAltered`, `ModelNotSignedHere`.
    """
    container = _check_trust(data, key, home, trusts)
    stated = container.manifest
    if sha256(container.payload).hexdigest() != stated["payload"]["sha256"]:
        _refuse("Its payload is not the one its manifest speaks of.")
    return *_open_payload(container.payload, stated["payload"].get("format")), stated


def check(data: bytes, *, key: bytes | None, home: str, trusts: Callable[[str], bool] = lambda _: False) -> None:
    """Hold a file's signature against this home, or against what the user trusts, without opening it; see `unpack`."""
    _check_trust(data, key, home, trusts)


def _check_trust(data: bytes, key: bytes | None, home: str, trusts: Callable[[str], bool]) -> Container:
    container = take_apart(data)
    digest = sha256(data).hexdigest()
    if not trusts(digest):
        _check_signature(container, digest, key, home)
    return container


def open_unsigned(content: bytes) -> Trained | Transform:
    """What was learnt, of a file that this very process made with `unsigned`; anything else is opened by `unpack`."""
    container = take_apart(content + bytes(_SIGNATURE))
    return _open_payload(container.payload, _PICKLE)[0]


class _Unpickler(pickle.Unpickler):
    """Finds the classes that files of version 0.1.0 name where they are now."""

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
        _refuse(f"Its payload has the form {form!r}, and this version reads {_PICKLE!r}.")
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
        # A trusted file may still hold anything, and unpickling fails in as many ways.
        _refuse(f"Its payload cannot be opened ({type(error).__name__}).")
    return learnt, rows


def _check_signature(container: Container, digest: str, key: bytes | None, home: str) -> None:
    if key is not None and hmac.compare_digest(hmac.new(key, container.signed, sha256).digest(), container.signature):
        return
    maker = container.manifest.get("home")
    if maker == home and key is not None:
        message = "The model file says it was made here, and its signature does not match: it was altered."
        hint = "Go back to the last model with mlmgmt rollback, or train it again."
        raise UntrustedModel(message, target=digest, details=[Detail("ModelAltered", message, digest)], hint=hint)
    message = f"The model was signed by another home ({str(maker)[:8]}…); opening it could run anything."
    hint = f"If you know where it comes from: mlmgmt trust-model {digest}"
    raise UntrustedModel(message, target=digest, details=[Detail("ModelNotSignedHere", message, digest)], hint=hint)
