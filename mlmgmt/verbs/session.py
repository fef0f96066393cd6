"""What a verb needs to know besides its arguments: the home, who asks, in which role, and what time it is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlmgmt import resources
from mlmgmt.definition.schema import Contract
from mlmgmt.errors import AuthorizationFailed, Detail, NotFound
from mlmgmt.ids import LONGEST_GROUP, GroupId, ResourceId, check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.store.experiments import Experiments
    from mlmgmt.store.store import Store

OWNER, CONTRIBUTOR, READER = "Owner", "Contributor", "Reader"
ROLES = (OWNER, CONTRIBUTOR, READER)


def _silent(_: str) -> None:
    return None


def _uncounted(_: int, __: int) -> None:
    return None


@dataclass
class Session:
    """One request's surroundings.

    Args:
        environ: the process's environment; tests give their own.
        home_option: the home named on the command line, if one was.
        clock: gives the present moment, aware of its zone.
        tell: takes a sentence for the person who waits (stderr, never data).
        stage: takes the name of what is being done, for a progress display.
        detail: takes a sentence for whoever wants to know everything.
        count: takes how many of how many are done.
        proved: `account` and `role` of whoever proved to be someone else than the connected account.
        by_key: all that was proved is a web service's key; it opens neither other services nor storage accounts.
        workspace_option: the id of the Classic workspace meant, if it is not the home's first.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home_option: str | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    tell: Callable[[str], None] = _silent
    stage: Callable[[str], None] = _silent
    detail: Callable[[str], None] = _silent
    count: Callable[[int, int], None] = _uncounted
    proved: Mapping[str, Any] | None = None
    by_key: bool = False
    workspace_option: str | None = None

    def acting_as(
        self,
        account: str,
        role: str,
        *,
        by_key: bool = False,
        tell: Callable[[str], None] = _silent,
    ) -> Session:
        """The same home, opened once, in the hands of someone else."""
        other = replace(self, proved={"account": account, "role": role}, by_key=by_key, tell=tell)
        other.__dict__.update(store=self.store, contract=self.contract)
        return other

    @cached_property
    def store(self) -> Store:
        """The home in use, brought to today's format first where an earlier version made it.

        Raises:
            NotFound: `NoHome`, with the command that makes one.
            HomeError: `HomeFormatNotSupported`.
        """
        from mlmgmt.store import home
        from mlmgmt.store.store import Store

        found = home.load(self.environ, self.home_option)
        home.upgrade(found, None if self.tell is _silent else self.tell)
        return Store(found)

    @property
    def workspace(self) -> str:
        """The id of the Classic workspace meant; the home's first one, unless another was named."""
        return self.workspace_option or self.store.home.workspace

    @property
    def experiments(self) -> Experiments:
        """The experiments of the workspace meant."""
        return self.store.experiments(self.workspace)

    @cached_property
    def contract(self) -> Contract:
        return Contract(resources.schema("webservice"))

    @cached_property
    def _context(self) -> dict[str, Any]:
        return dict(self.proved) if self.proved is not None else self.store.secrets.context()

    @property
    def caller(self) -> str:
        return str(self._context.get("account") or "unknown")

    @property
    def role(self) -> str:
        return str(self._context.get("role") or OWNER)

    def forget_context(self) -> None:
        """Read home and caller anew; Connect changes both."""
        self.__dict__.pop("store", None)
        self.__dict__.pop("_context", None)

    def require(self, action: str, scope: object) -> None:
        """Refuse what the caller's role does not allow.

        Raises:
            HomeError: the home is not trusted, so nothing may be written.
            AuthorizationFailed: the caller is a Reader.
        """
        self.store.require_writable()
        self.refuse_reader(action, scope)

    def refuse_reader(self, action: str, scope: object) -> None:
        """Refuse what changes nothing, and a Reader may not have all the same.

        Raises:
            AuthorizationFailed: the caller is a Reader.
        """
        if self.role == READER:
            message = f"{self.caller!r} is a Reader and may not do {action!r} on {scope}."
            raise AuthorizationFailed(
                message,
                target=action,
                details=[Detail("AuthorizationFailed", message, str(scope))],
                hint="Take another role with: mlmgmt Connect-AzAccount -Role Contributor"
                + ("; then make a token anew." if self.proved is not None else ""),
            )

    def account(self) -> str:
        """The home's first storage account, where what is made here is kept.

        Raises:
            NotFound: `AccountNotRegistered`: there is none.
        """
        found = self.store.blobs.accounts()
        if not found:
            message = "This home has no storage account to keep anything in."
            hint = "Make one with: mlmgmt Connect-AzAccount"
            raise NotFound(message, details=[Detail("AccountNotRegistered", message)], hint=hint)
        return found[0]

    def group_id(self, group: str) -> GroupId:
        return GroupId(self.store.home.subscription, check_name(group, what="resource group", longest=LONGEST_GROUP))

    def service_id(self, group: str, name: str) -> ResourceId:
        return ResourceId(self.store.home.subscription, self.group_id(group).name, check_name(name))

    def existing_group(self, group: str) -> dict[str, Any]:
        """A resource group that exists.

        Raises:
            NotFound: `ResourceGroupNotFound`.
        """
        identity = self.group_id(group)
        found = self.store.groups.get(identity)
        if found is None:
            message = f"There is no resource group {group!r}."
            known = ", ".join(sorted(str(body["name"]) for body in self.store.groups.all()))
            hint = (
                f"There are: {known}." if known else f"Make it: mlmgmt New-AzResourceGroup -Name {group} -Location ..."
            )
            raise NotFound(message, target=group, details=[Detail("ResourceGroupNotFound", message)], hint=hint)
        return found


def stamp(moment: datetime, ticks: int = 0) -> str:
    """ISO 8601 in UTC with seven decimals; `ticks` counts units of 100 ns below the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{ticks}Z"


def later(moment: datetime, previous: str | None) -> str:
    """The stamp of a moment, or the tick after `previous` when the clock has not moved on since."""
    now = stamp(moment)
    if previous is None or now > previous:
        return now
    digits = int(previous[-8:-1]) + 1
    if digits < 10**7:
        return f"{previous[:-8]}{digits:07}Z"
    seconds = datetime.fromisoformat(previous[:-9] + "+00:00").timestamp() + 1
    return stamp(datetime.fromtimestamp(seconds, UTC))
