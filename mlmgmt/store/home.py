"""Find a home, create one, and decide whether this user trusts it.

A home is a folder of readable files, without secrets. Secrets and trust are in the user's configuration folder
(`MLMGMT_CONFIG`), by home id and path: a copy of a home is another home, and starts without keys.
"""

from __future__ import annotations

import os
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.errors import BadRequest, Detail, HomeError, NotFound
from mlmgmt.store import documents, files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER = ".mlmgmt"
_STEPS: tuple[Callable[[Home], None], ...] = ()
"""The changes of the home's format: the first turns a home of format 1 into format 2, and so on.

A step must accept files that it has already changed, since an interrupted step runs again.
"""
_WORKSPACE = "workspaceId"
_HINT = "To create a home here: mlmgmt Connect-AzAccount"


@dataclass(frozen=True, slots=True)
class Home:
    """A home on disk, and the part of the user's configuration that belongs to it.

    Args:
        root: the home's folder.
        format: the number of the format of its files; see `upgrade`.
        workspace: the id of its first Classic workspace: the home's id, or in a copy the id of the original home.
        trust: the folder with its secrets, which may not exist.
        trusted: whether this user created the home here, or trusted it with `trust-home`. If not, it is read-only.
    """

    root: Path
    id: str
    format: int
    subscription: str
    workspace: str
    trust: Path
    trusted: bool


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's configuration folder: `MLMGMT_CONFIG`, or else the platform's usual place."""
    if moved := environ.get("MLMGMT_CONFIG"):
        return Path(moved).absolute()
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "mlmgmt"


def refuse_windows() -> None:
    """Refuse to run on Windows, which lacks the private folders and durable renames that a home needs.

    Raises:
        HomeError: `PlatformNotSupported`, on Windows.
    """
    if sys.platform == "win32":
        raise HomeError(
            "A home cannot be kept safely on Windows: its keys would not be private, nor its updates durable.",
            details=[Detail("PlatformNotSupported", "Homes are supported on Linux and macOS.")],
            hint="Use the Windows Subsystem for Linux. Commands on files only (diff, assets, set-model, schema) work.",
        )


def find(environ: Mapping[str, str], explicit: str | None = None, start: Path | None = None) -> Path | None:
    """Return the home's folder: `explicit`, `MLMGMT_HOME`, or the nearest `.mlmgmt` in or above the working directory.

    The search stops at a mount point and at a folder of another owner, so that it never finds another user's home.
    """
    named = explicit or environ.get("MLMGMT_HOME")
    if named:
        root = Path(named).absolute()
        inner = root / FOLDER
        # The folder that contains the home may be given in its place.
        return inner if (inner / "home.json").is_file() and not (root / "home.json").is_file() else root
    here = (start or Path.cwd()).absolute()
    owner = here.stat().st_uid
    while True:
        if (here / FOLDER / "home.json").is_file():
            return here / FOLDER
        if here.is_mount() or here.parent == here or here.parent.stat().st_uid != owner:
            return None
        here = here.parent


def load(environ: Mapping[str, str], explicit: str | None = None) -> Home:
    """Return the home in use. If it has an earlier format, call `upgrade` before reading its files.

    Raises:
        NotFound: `NoHome`: there is no home.
        HomeError: `HomeFormatNotSupported`: a newer version wrote it. Or the home is damaged.
    """
    root = find(environ, explicit)
    if root is None:
        message = "No home found: no folder .mlmgmt here or above, and MLMGMT_HOME is not set."
        raise NotFound(message, detail="NoHome", hint=_HINT)
    refuse_windows()
    stated = files.read_json(root / "home.json")
    if stated is None:
        if root.exists() and any(root.iterdir()) and not (root / "home.json").exists():
            message = f"{root} is not a home: it has other files but no home.json."
        else:
            message = f"There is no home at {root}."
        raise NotFound(message, detail="NoHome", target=str(root), hint=_HINT)
    number = _format_of(root, stated)
    home_id = str(stated.get("id", ""))
    if not _is_id(home_id):
        raise HomeError(f"The home at {root} has no valid id.", target=str(root))
    trust = config_folder(environ) / "homes" / home_id
    subscription = stated.get("subscriptionId")
    if not isinstance(subscription, str) or not subscription:
        raise HomeError(f"The home at {root} has no subscription id.", target=str(root / "home.json"))
    workspace = str(stated.get(_WORKSPACE, home_id))
    if not _is_id(workspace):
        raise HomeError(f"The home at {root} has no valid workspace id.", target=str(root / "home.json"))
    return Home(root, home_id, number, subscription, workspace, trust, _is_trusted(root, trust))


def newest_format() -> int:
    """Return the number of the format that this version reads and writes."""
    return 1 + len(_STEPS)


def _format_of(root: Path, stated: Mapping[str, Any]) -> int:
    number = stated.get("format")
    if not isinstance(number, int) or number < 1:
        raise HomeError(f"The home at {root} has no valid format number.", target=str(root / "home.json"))
    if number > newest_format():
        raise _other_format(root, number, "A newer version wrote it. To get it: pip install --upgrade mlmgmt")
    return number


def _other_format(root: Path, number: int, hint: str) -> HomeError:
    message = f"The home at {root} has format {number}, but this version of mlmgmt reads format {newest_format()}."
    return HomeError(message, detail="HomeFormatNotSupported", at=str(root / "home.json"), target=str(root), hint=hint)


def upgrade(home: Home, tell: Callable[[str], None] | None) -> None:
    """Bring a home of an earlier format to the newest one, step by step. Nothing else changes a home's format.

    Args:
        tell: shows a message before each step; None where nobody would see it.

    Raises:
        HomeError: `HomeFormatNotSupported`: the home has an earlier format, and is not trusted or `tell` is None.
    """
    if home.format == newest_format():
        return
    if not home.trusted:
        raise _other_format(home.root, home.format, "If you know where it comes from: mlmgmt trust-home")
    if tell is None:
        raise _other_format(home.root, home.format, "To change its format, run in a terminal: mlmgmt status")
    from mlmgmt.store import lock

    path = home.root / "home.json"
    with lock.hold(home.root, "format"):
        # Read the format again: another command may have changed it before the lock was free.
        while (number := _format_of(home.root, stated := files.read_json(path) or {})) < newest_format():
            tell(
                f"Changing the home at {home.root} from format {number} to format {number + 1}. Earlier versions of "
                "mlmgmt will not be able to read it."
            )
            _STEPS[number - 1](home)
            documents.write(path, {**stated, "format": number + 1})


def _is_id(text: str) -> bool:
    """Whether a home's id has the form that `create` gives it. It becomes a folder name, so no other form is safe."""
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


def _is_trusted(root: Path, trust: Path) -> bool:
    known = files.read_json(trust / "home.json")
    if known is None or not (trust / "hmac.key").is_file():
        return False
    return known.get("path") == str(root.resolve()) and root.stat().st_uid == os.getuid()


def create(environ: Mapping[str, str], root: Path, subscription: str | None) -> Home:
    """Create a home at `root`, and its configuration.

    Raises:
        BadRequest: the folder exists and is not empty.
    """
    refuse_windows()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        message = f"Cannot create a home at {root}: it exists and is not empty."
        raise BadRequest(message, detail="NotAHome", target=str(root))
    home_id = uuid.uuid4().hex
    root.mkdir(parents=True, exist_ok=True)
    trust = config_folder(environ) / "homes" / home_id
    _write_trust(root, trust)
    subscription = subscription or str(uuid.uuid4())
    documents.write(root / "home.json", {"format": newest_format(), "id": home_id, "subscriptionId": subscription})
    return load(environ, str(root))


def trust(environ: Mapping[str, str], home: Home) -> Home:
    """Trust a home that was moved here, copied or cloned.

    A moved home keeps its keys. A copy whose original still exists gets a new id and new keys; its models stay
    untrusted until each one is trusted by its digest.

    Raises:
        HomeError: the folder belongs to another user.
    """
    if home.root.stat().st_uid != os.getuid():
        message = f"{home.root} belongs to another user; copy it to one of your folders first."
        raise HomeError(message, detail="ForeignHome", target=str(home.root))
    known = files.read_json(home.trust / "home.json")
    elsewhere = Path(known["path"]) if known else None
    copied = elsewhere is not None and elsewhere != home.root.resolve() and _has_id(elsewhere, home.id)
    if elsewhere is None or copied:
        # Cloned or copied: with its old id, its models would look like this home's models that were altered.
        stated = files.read_json(home.root / "home.json") or {}
        # Files made in its workspace are found by the workspace's id, so that one stays.
        stated.setdefault(_WORKSPACE, home.id)
        stated["id"] = uuid.uuid4().hex
        _write_trust(home.root, config_folder(environ) / "homes" / stated["id"])
        documents.write(home.root / "home.json", stated)
    else:
        _write_trust(home.root, home.trust)
    return load(environ, str(home.root))


def _has_id(path: Path, home_id: str) -> bool:
    stated = files.read_json(path / "home.json")
    return stated is not None and stated.get("id") == home_id


def _write_trust(root: Path, trust: Path) -> None:
    """Write the configuration of a home; an existing key stays."""
    files.make_private(trust)
    if not (trust / "hmac.key").exists():
        files.write(trust / "hmac.key", os.urandom(32), mode=files.PRIVATE)
    files.write(trust / "home.json", orjson.dumps({"path": str(root.resolve())}), mode=files.PRIVATE)
