"""The store of one home: its services, plans, groups, jobs, workspaces, blobs, secrets and locks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import HomeError
from mlmgmt.store import lock
from mlmgmt.store.blobs import Blobs
from mlmgmt.store.classic import WebServices, Workspaces
from mlmgmt.store.experiments import Experiments
from mlmgmt.store.groups import Groups
from mlmgmt.store.jobs import Jobs
from mlmgmt.store.plans import Plans
from mlmgmt.store.retrainings import Retrainings
from mlmgmt.store.secrets import Secrets
from mlmgmt.store.services import Services
from mlmgmt.store.trained_models import TrainedModels
from mlmgmt.store.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.ids import ServiceId
    from mlmgmt.store.home import Home


class Store:
    """Everything in a home. Creating a Store neither reads nor writes."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.services = Services(home.root)
        self.groups = Groups(home.root)
        self.plans = Plans(home.root)
        self.usage = Usage(home.root)
        self.jobs = Jobs(home.root)
        self.retrainings = Retrainings(home.root)
        self.workspaces = Workspaces(home.root)
        self.web_services = WebServices(home.root)
        self.blobs = Blobs(home.root)
        self.secrets = Secrets(home)

    def experiments(self, workspace: str) -> Experiments:
        """Return the experiments of a workspace."""
        return Experiments(self.home.root, workspace)

    def trained_models(self, workspace: str) -> TrainedModels:
        """Return the trained models saved in a workspace."""
        return TrainedModels(self.home.root, workspace)

    def require_writable(self) -> None:
        """Refuse to write to a home that this user does not trust.

        Raises:
            HomeError: `HomeNotTrusted`.
        """
        if not self.home.trusted:
            message = (
                f"You did not create the home at {self.home.root} here: it is read-only, and its models are untrusted."
            )
            raise HomeError(
                message,
                detail="HomeNotTrusted",
                target=str(self.home.root),
                hint="If you know where it comes from: mlmgmt trust-home",
            )

    def service_secrets(self, resource: ServiceId) -> dict[str, Any]:
        """Return the secrets of a web service's newest committed revision."""

        def committed(number: int) -> str | None:
            revision = self.services.revision(resource, number)
            return revision.etag if revision is not None else None

        return self.secrets.service(resource, committed)

    @contextmanager
    def writing(self, resource: ServiceId) -> Iterator[None]:
        """Hold a web service's lock, after removing the leftovers of an interrupted writer."""
        self.require_writable()
        with lock.hold(self.home.root, resource.folder):
            self.services.tidy(resource)
            yield
