"""Open the assets of graphs: trusted models and transformations, datasets and script bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.definition import assets
from mlmgmt.errors import Detail, NotFound
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.modules.base import Dataset, Transform
    from mlmgmt.modules.learners import Trained
    from mlmgmt.verbs.session import Session


def reader(
    session: Session,
    document: Mapping[str, Any],
    digests: Mapping[str, str],
    held: Mapping[str, bytes] | None = None,
) -> Callable[[str], Trained | Transform | Dataset | bytes]:
    """Return a function that opens an asset by its id: only if it is trusted, and only once.

    Args:
        digests: the model or transformation of each asset.
        held: the bytes of those that the home does not store yet, by digest.
    """
    opened: dict[str, Any] = {}

    def read(asset_id: str) -> Any:
        asset = document["properties"]["assets"][asset_id]
        if assets.kind_of(asset) == assets.DATASET:
            return _dataset(session, asset_id, asset)
        if assets.kind_of(asset) == assets.BUNDLE:
            return GraphAccess(session).read(asset["locationInfo"]["uri"])
        if asset_id not in digests:
            message = f"The {assets.kind_of(asset)} {asset['name']!r} ({asset_id}) is not available in this home."
            raise NotFound(
                "The model package cannot be found.",
                target=asset_id,
                details=[Detail("ModelPackageNotFound", message, asset_id)],
                hint="Retrain the model (mlmgmt retrain), or copy its file into a storage account of this home "
                "and update the reference.",
            )
        digest = digests[asset_id]
        if digest not in opened:
            data = (held or {}).get(digest)
            opened[digest] = open_model(session, session.store.blobs.model(digest) if data is None else data)[0]
        return opened[digest]

    return read


def _dataset(session: Session, asset_id: str, asset: Mapping[str, Any]) -> Dataset:
    from mlmgmt.modules.base import ModuleFailure

    try:
        return read_dataset(session, asset["locationInfo"]["uri"])
    except ModuleFailure as error:
        raise error.at(asset_id, str(asset.get("name") or "dataset")) from error


def read_dataset(session: Session, uri: str) -> Dataset:
    """Return the table of a dataset Resource; its column types are guessed.

    Raises:
        NotFound: the blob.
        BadRequest: it cannot be read.
        ModuleFailure: it is not a table in the format of its extension.
    """
    from mlmgmt.modules import text_formats

    return text_formats.read_table(GraphAccess(session).read(uri), text_formats.format_of(uri), header=True)


def trusted_file(session: Session, digest: str) -> bytes:
    """Return the file of a model that this home stores; its signature is checked, but it is not opened.

    Raises:
        NotFound: `ModelPackageNotFound`.
        UntrustedModel.
        BadRequest: `InvalidModelFormat`.
    """
    return check_trusted(session, session.store.blobs.model(digest))


def check_trusted(session: Session, data: bytes) -> bytes:
    """Return `data` if it is a model file that this home signed or this user trusts; it is not opened.

    Raises:
        UntrustedModel.
        BadRequest: `InvalidModelFormat`.
    """
    from mlmgmt.learning import ilearner

    secrets = session.store.secrets
    ilearner.check(data, key=secrets.signing_key(), home=session.store.home.id, trusts=secrets.trusts_model)
    return data


def open_model(session: Session, data: bytes) -> tuple[Any, Any, dict[str, Any]]:
    """Open the file of a model or a transformation that this home signed or this user trusts; see `ilearner.unpack`.

    A model made with another version of scikit-learn is opened with a warning.
    """
    import warnings

    import sklearn

    from mlmgmt.learning import ilearner

    secrets = session.store.secrets
    with warnings.catch_warnings():
        # The warning below replaces it: one sentence, with what to do.
        warnings.filterwarnings("ignore", category=sklearn.exceptions.InconsistentVersionWarning)
        found = ilearner.unpack(
            data, key=secrets.signing_key(), home=session.store.home.id, trusts=secrets.trusts_model
        )
    made = (found[2].get("versions") or {}).get("scikit-learn")
    if made is not None and made != sklearn.__version__:
        session.warn(
            f"The model was made with scikit-learn {made}, but this is {sklearn.__version__}; its answers may "
            "differ. Retrain it to be sure."
        )
    return found
