"""Resource ids and their three spellings: ARM path, file path, and the two flags of a cmdlet."""

from __future__ import annotations

import re
import shlex
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

from mlmgmt.errors import BadRequest

PROVIDER = "Microsoft.MachineLearning"
WEB_SERVICES = "webServices"
PLANS = "commitmentPlans"
STORAGE_PROVIDER = "Microsoft.Storage"
STORAGE_ACCOUNTS = "storageAccounts"

FORBIDDEN = r'\x00-\x1f\x7f<>%&\\?/"*:|#'
"""The characters that no resource name may contain, as the inside of a regular expression's set."""
_FORBIDDEN = re.compile(f"[{FORBIDDEN}]")
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_WINDOWS_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10)))
)
_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/(?P<type>[^/]+/[^/]+)/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_GUID = re.compile("[0-9A-Fa-f]{32}")
_ENDPOINT = re.compile(
    r"/workspaces/(?P<workspace>[^/]+)/webservices/(?P<service>[^/]+)/endpoints/(?P<name>[^/]+)", re.IGNORECASE
)
LONGEST_NAME = 128
LONGEST_GROUP = 90
_LONGEST_FILE_NAME = 200


def check_name(name: str, *, what: str = "web service", longest: int = LONGEST_NAME) -> str:
    """Return `name` if it is a valid resource name.

    Raises:
        BadRequest: `InvalidResourceName`: it is empty, too long, only dots, starts with a blank, ends with a dot or
            a blank, or contains a character that the resource manager reserves.
    """
    reason = None
    if not name or not name.strip():
        reason = "it is empty"
    elif len(name) > longest or len(file_name(name)) > _LONGEST_FILE_NAME:
        reason = f"it is too long ({len(name)} characters; at most {longest}, fewer when they are not plain letters)"
    elif found := _FORBIDDEN.search(name):
        reason = f"it contains {found.group()!r}"
    elif name.strip(". ") == "":
        reason = "it consists of dots only"
    elif name[-1] in ". " or name[0] == " ":
        reason = "it starts with a blank, or ends with a blank or a dot"
    if reason is not None:
        shown = name if len(name) <= 40 else name[:40] + "…"
        raise BadRequest(
            f"{shown!r} is not a valid {what} name: {reason}.",
            detail="InvalidResourceName",
            target="Name",
            hint="Use letters, digits, blanks, '-', '_', '.', '(' and ')'.",
        )
    return name


def fold(name: str) -> str:
    """Return the form in which two spellings of one name are equal (ARM ignores the case of names)."""
    return unicodedata.normalize("NFC", name).casefold()


@lru_cache(maxsize=4096)
def file_name(name: str) -> str:
    """Return a file name for `name`: in lower case, with everything but ASCII letters, digits, `-_.` percent-escaped.

    Two names share a file exactly when they differ in case only, even on file systems that ignore case or normalise
    accents. Names that Windows reserves are escaped too.
    """
    folded = fold(name)
    escaped = "".join(c if c in _SAFE else "".join(f"%{byte:02x}" for byte in c.encode()) for c in folded)
    if escaped.startswith(".") or escaped.split(".", 1)[0] in _WINDOWS_DEVICES:
        escaped = f"%{ord(escaped[0]):02x}{escaped[1:]}"
    return escaped


@dataclass(frozen=True, slots=True)
class GroupId:
    """A resource group: `/subscriptions/{subscription}/resourceGroups/{name}`."""

    subscription: str
    name: str

    def __str__(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.name}"

    @property
    def folder(self) -> str:
        """The folder, relative to the home."""
        return f"subscriptions/{file_name(self.subscription)}/resourcegroups/{file_name(self.name)}"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """A web service: `/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearning/webServices/{name}`."""

    subscription: str
    group: str
    name: str

    def __str__(self) -> str:
        return f"{GroupId(self.subscription, self.group)}/providers/{PROVIDER}/{WEB_SERVICES}/{self.name}"

    @property
    def type(self) -> str:
        return f"{PROVIDER}/{WEB_SERVICES}"

    @property
    def group_id(self) -> GroupId:
        return GroupId(self.subscription, self.group)

    @property
    def folder(self) -> str:
        """The folder, relative to the home."""
        return f"{services_folder(self.group_id)}/{file_name(self.name)}"

    @property
    def jobs_folder(self) -> str:
        """The folder of its batch jobs, relative to the home."""
        return f"jobs/{file_name(self.group)}/{file_name(self.name)}"

    @property
    def secrets_file(self) -> str:
        """The file of its secrets, relative to the home's folder of secrets."""
        return "services/" + "/".join(map(file_name, (self.subscription, self.group, self.name))) + ".json"

    @property
    def log_folder(self) -> str:
        """The folder of its logs of calls, in their container."""
        return f"{self.subscription.replace('-', '')}-{service_guid(self)}"

    @property
    def scoring_path(self) -> str:
        """The path of its scoring address, the same on every server."""
        return f"/subscriptions/{self.subscription.replace('-', '')}/services/{service_guid(self)}"

    @property
    def help_path(self) -> str:
        """The path of its help page; empty, since only endpoints have one."""
        return ""

    @property
    def words(self) -> str:
        """The options that name it on the command line."""
        return f"-g {shlex.quote(self.group)} -n {shlex.quote(self.name)}"

    @property
    def keys_command(self) -> str:
        """The command that shows its keys."""
        return f"mlmgmt keys {self.words}"

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Parse an ARM path, in any letter case.

        Raises:
            BadRequest: `InvalidResourceId`: it is not the id of a web service.
        """
        return cls(*_parse(text, f"{PROVIDER}/{WEB_SERVICES}", "web service"))


@dataclass(frozen=True, slots=True)
class EndpointId:
    """An endpoint of a Classic web service, as management names it: `/workspaces/{w}/webservices/{s}/endpoints/{name}`.

    Args:
        service: the web service's id, 32 hexadecimal digits.
    """

    workspace: str
    service: str
    name: str

    def __str__(self) -> str:
        return f"/workspaces/{self.workspace}/webservices/{self.service}/endpoints/{self.name}"

    @property
    def type(self) -> str:
        return f"{PROVIDER}.Classic/endpoints"

    @property
    def group(self) -> None:
        """Only New web services are in a resource group."""
        return None

    @property
    def folder(self) -> str:
        """The folder, relative to the home."""
        return f"{endpoints_folder(self.workspace, self.service)}/{file_name(self.name)}"

    @property
    def jobs_folder(self) -> str:
        """The folder of its batch jobs, relative to the home."""
        return f"{self.folder}/jobs"

    @property
    def secrets_file(self) -> str:
        """The file of its secrets, relative to the home's folder of secrets."""
        return "endpoints/" + "/".join(map(file_name, (self.workspace, self.service, self.name))) + ".json"

    @property
    def log_folder(self) -> str:
        """The folder of its logs of calls, in their container."""
        return f"{self.workspace}-{self.service}-{service_guid(self)}"

    @property
    def scoring_path(self) -> str:
        """The path of its scoring address, the same on every server."""
        return f"/workspaces/{self.workspace}/services/{service_guid(self)}"

    @property
    def help_path(self) -> str:
        """The path of its help page."""
        return f"/apihelp/workspaces/{self.workspace}/webservices/{self.service}/endpoints/{service_guid(self)}"

    @property
    def words(self) -> str:
        """The options that name it on the command line."""
        return f"-WebServiceId {self.service} -EndpointName {shlex.quote(self.name)}"

    @property
    def keys_command(self) -> str:
        """The command that shows its keys."""
        return f"mlmgmt Get-AmlWebServiceEndpoint {self.words}"

    @classmethod
    def parse(cls, text: str) -> EndpointId:
        """Parse a path of Classic management, in any letter case.

        Raises:
            BadRequest: `InvalidResourceId`: it is not the id of an endpoint.
        """
        found = _ENDPOINT.fullmatch(text.strip())
        if found is None:
            raise BadRequest(f"{text!r} is not the id of an endpoint.", detail="InvalidResourceId", target="id")
        return cls(found["workspace"], found["service"], found["name"])


ServiceId: TypeAlias = ResourceId | EndpointId
"""What can be scored: a New web service, or an endpoint of a Classic one."""


def service_id(text: str) -> ServiceId:
    """Parse the id of a web service or of an endpoint.

    Raises:
        BadRequest: `InvalidResourceId`.
    """
    return EndpointId.parse(text) if text.lstrip().startswith("/workspaces/") else ResourceId.parse(text)


@dataclass(frozen=True, slots=True)
class PlanId:
    """A commitment plan, of the type `Microsoft.MachineLearning/commitmentPlans`."""

    subscription: str
    group: str
    name: str

    def __str__(self) -> str:
        return f"{self.group_id}/providers/{self.type}/{self.name}"

    @property
    def type(self) -> str:
        return f"{PROVIDER}/{PLANS}"

    @property
    def group_id(self) -> GroupId:
        return GroupId(self.subscription, self.group)

    @property
    def folder(self) -> str:
        """The folder, relative to the home."""
        return f"{plans_folder(self.group_id)}/{file_name(self.name)}"

    @classmethod
    def parse(cls, text: str) -> PlanId:
        """Parse an ARM path, in any letter case.

        Raises:
            BadRequest: `InvalidResourceId`: it is not the id of a commitment plan.
        """
        return cls(*_parse(text, f"{PROVIDER}/{PLANS}", "commitment plan"))


@dataclass(frozen=True, slots=True)
class StorageAccountId:
    """A storage account in a resource group, of the type `Microsoft.Storage/storageAccounts`."""

    subscription: str
    group: str
    name: str

    def __str__(self) -> str:
        return f"{GroupId(self.subscription, self.group)}/providers/{self.type}/{self.name}"

    @property
    def type(self) -> str:
        return f"{STORAGE_PROVIDER}/{STORAGE_ACCOUNTS}"

    @classmethod
    def parse(cls, text: str) -> StorageAccountId:
        """Parse an ARM path, in any letter case.

        Raises:
            BadRequest: `InvalidResourceId`: it is not the id of a storage account.
        """
        return cls(*_parse(text, f"{STORAGE_PROVIDER}/{STORAGE_ACCOUNTS}", "storage account"))


def _parse(text: str, kind: str, what: str) -> tuple[str, str, str]:
    """Return the subscription, group and name of an id whose type is `kind`."""
    found = _ID.fullmatch(text.strip())
    if found is None or found["type"].casefold() != kind.casefold():
        raise BadRequest(f"{text!r} is not the id of a {what}.", detail="InvalidResourceId", target="id")
    return found["subscription"], found["group"], found["name"]


def services_folder(group: GroupId) -> str:
    """Return the folder of a group's web services, relative to the home."""
    return f"{group.folder}/providers/{PROVIDER.lower()}/{WEB_SERVICES.lower()}"


def plans_folder(group: GroupId) -> str:
    """Return the folder of a group's commitment plans, relative to the home."""
    return f"{group.folder}/providers/{PROVIDER.lower()}/{PLANS.lower()}"


def web_services_folder(workspace: str) -> str:
    """Return the folder of a workspace's Classic web services, relative to the home."""
    return f"workspaces/{file_name(workspace)}/webservices"


def endpoints_folder(workspace: str, service: str) -> str:
    """Return the folder of a Classic web service's endpoints, relative to the home."""
    return f"{web_services_folder(workspace)}/{file_name(service)}/endpoints"


def addresses_folder(workspace: str) -> str:
    """Return the folder with a file for each endpoint of a workspace, named by the endpoint's id."""
    return f"workspaces/{file_name(workspace)}/services"


def service_guid(identity: ServiceId) -> str:
    """Return the 32 hexadecimal digits that identify a web service in its addresses and in its association with a
    commitment plan; for an endpoint they are its id.
    """
    return sha256(fold(str(identity)).encode()).hexdigest()[:32]


def is_guid(text: str) -> bool:
    """Whether a text is 32 hexadecimal digits, like the ids of workspaces, Classic web services and endpoints."""
    return _GUID.fullmatch(text) is not None


def same_location(left: str, right: str) -> bool:
    """Whether two spellings name one region (`South Central US`, `southcentralus`)."""
    return left.replace(" ", "").casefold() == right.replace(" ", "").casefold()
