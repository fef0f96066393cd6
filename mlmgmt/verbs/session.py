"""What a verb needs besides its arguments: the home, the caller, the role and the time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmgmt import resources
from mlmgmt.definition.schema import Contract
from mlmgmt.errors import AuthorizationFailed, NotFound
from mlmgmt.ids import LONGEST_GROUP, GroupId, ResourceId, check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.store.experiments import Experiments
    from mlmgmt.store.groups import Group
    from mlmgmt.store.store import Store

OWNER, CONTRIBUTOR, READER = "Owner", "Contributor", "Reader"
ROLES = (OWNER, CONTRIBUTOR, READER)


def _ignore(_: str) -> None:
    return None


def _ignore_count(_: int, __: int) -> None:
    return None


class OpenHome:
    """A home that is opened on first use, and the contract of its definitions.

    Args:
        tell: is called when a home of an earlier version is upgraded.
    """

    def __init__(self, environ: Mapping[str, str], option: str | None, tell: Callable[[str], None] | None) -> None:
        self._environ, self._option, self._tell = environ, option, tell

    @cached_property
    def store(self) -> Store:
        from mlmgmt.store import home
        from mlmgmt.store.store import Store

        found = home.load(self._environ, self._option)
        home.upgrade(found, self._tell)
        return Store(found)

    @cached_property
    def contract(self) -> Contract:
        return Contract(resources.schema("webservice"))


@dataclass(frozen=True)
class Session:
    """The context of one request. It never changes: another workspace or another caller is another session.

    Args:
        environ: the process's environment variables; tests pass their own.
        home_option: the home named on the command line, if any.
        clock: returns the current time, with its time zone.
        tell: shows a sentence to the user (on stderr, never data).
        show_warning: shows a warning; `tell` with "Warning: " in front of it when None.
        stage: shows the name of the current step, for a progress display.
        detail: shows a sentence that only -Verbose prints.
        count: shows progress: how many are done, of how many.
        signed_in_as: `account` and `role` of a caller who authenticated, where that is not the connected account.
        by_key: the caller has only the key of a web service, which gives no access to other services or to storage
            accounts.
        workspace_option: the id of the Classic workspace to use; the home's first one when None.
        opened: the home of another session, which is then not opened again.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home_option: str | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    tell: Callable[[str], None] = _ignore
    show_warning: Callable[[str], None] | None = None
    stage: Callable[[str], None] = _ignore
    detail: Callable[[str], None] = _ignore
    count: Callable[[int, int], None] = _ignore_count
    signed_in_as: Mapping[str, Any] | None = None
    by_key: bool = False
    workspace_option: str | None = None
    opened: OpenHome | None = None

    def on_same_home(self, **changes: Any) -> Session:
        """Return a session that differs in the given arguments, but not in its home."""
        return replace(self, opened=self._home, **changes)

    def acting_as(self, account: str, role: str, **changes: Any) -> Session:
        """Return a session of another caller on the same home; see `on_same_home`."""
        return self.on_same_home(signed_in_as={"account": account, "role": role}, **changes)

    def reopened(self) -> Session:
        """Return a session that reads home and caller again; Connect changes both."""
        return replace(self, opened=None)

    def warn(self, text: str) -> None:
        """Show a warning."""
        if self.show_warning is not None:
            self.show_warning(text)
        else:
            self.tell(f"Warning: {text}")

    @cached_property
    def _home(self) -> OpenHome:
        return self.opened or OpenHome(self.environ, self.home_option, None if self.tell is _ignore else self.tell)

    @cached_property
    def store(self) -> Store:
        """The home in use. A home of an earlier version is upgraded to the current format first.

        Raises:
            NotFound: `NoHome`; the hint is the command that makes one.
            HomeError: `HomeFormatNotSupported`.
        """
        return self._home.store

    @property
    def workspace(self) -> str:
        """The id of the Classic workspace to use; the home's first one, unless another was named."""
        return self.workspace_option or self.store.home.workspace

    @property
    def experiments(self) -> Experiments:
        """The experiments of that workspace."""
        return self.store.experiments(self.workspace)

    @property
    def contract(self) -> Contract:
        """The schema of definitions, with what the product knows beyond it."""
        return self._home.contract

    @cached_property
    def _context(self) -> dict[str, Any]:
        return dict(self.signed_in_as) if self.signed_in_as is not None else self.store.secrets.context()

    @property
    def caller(self) -> str:
        return str(self._context.get("account") or "unknown")

    @property
    def role(self) -> str:
        return str(self._context.get("role") or OWNER)

    def require(self, action: str, scope: object) -> None:
        """Refuse an action that the caller's role does not allow.

        Raises:
            HomeError: the home is not trusted, so nothing may be written.
            AuthorizationFailed: the caller is a Reader.
        """
        self.store.require_writable()
        self.refuse_reader(action, scope)

    def refuse_reader(self, action: str, scope: object) -> None:
        """Refuse an action that changes nothing but is not for a Reader, such as reading keys.

        Raises:
            AuthorizationFailed: the caller is a Reader.
        """
        if self.role == READER:
            message = f"{self.caller!r} has the role Reader, which does not permit {action!r} on {scope}."
            raise AuthorizationFailed(
                message,
                detail="AuthorizationFailed",
                at=str(scope),
                target=action,
                hint="Change the role: mlmgmt Connect-AzAccount -Role Contributor"
                + ("; then make a new token." if self.signed_in_as is not None else ""),
            )

    def storage_account(self) -> str:
        """Return the home's first storage account, where new models and outputs are stored.

        Raises:
            NotFound: `AccountNotRegistered`: the home has no storage account.
        """
        found = self.store.blobs.accounts()
        if not found:
            message = "This home has no storage account."
            raise NotFound(message, detail="AccountNotRegistered", hint="Create one: mlmgmt Connect-AzAccount")
        return found[0]

    def group_id(self, group: str) -> GroupId:
        return GroupId(self.store.home.subscription, check_name(group, what="resource group", longest=LONGEST_GROUP))

    def service_id(self, group: str, name: str) -> ResourceId:
        return ResourceId(self.store.home.subscription, self.group_id(group).name, check_name(name))

    def existing_group(self, group: str) -> Group:
        """Return a resource group, which must exist.

        Raises:
            NotFound: `ResourceGroupNotFound`.
        """
        identity = self.group_id(group)
        found = self.store.groups.get(identity)
        if found is None:
            message = f"The resource group {group!r} does not exist."
            known = ", ".join(sorted(body["name"] for body in self.store.groups.all()))
            hint = (
                f"Existing groups: {known}."
                if known
                else f"Create it: mlmgmt New-AzResourceGroup -Name {group} -Location ..."
            )
            raise NotFound(message, detail="ResourceGroupNotFound", target=group, hint=hint)
        return found


def stamp(moment: datetime, ticks: int = 0) -> str:
    """Return a time as ISO 8601 in UTC with seven decimals; `ticks` is the last one, in units of 100 ns."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{ticks}Z"


def later(moment: datetime, previous: str | None) -> str:
    """Return the stamp of a time, or the tick after `previous` if that is not later."""
    now = stamp(moment)
    if previous is None or now > previous:
        return now
    digits = int(previous[-8:-1]) + 1
    if digits < 10**7:
        return f"{previous[:-8]}{digits:07}Z"
    seconds = datetime.fromisoformat(previous[:-9] + "+00:00").timestamp() + 1
    return stamp(datetime.fromtimestamp(seconds, UTC))
