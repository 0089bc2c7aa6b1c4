"""The status of a resource, written as ours."""

from __future__ import annotations

from dcp_operator.cluster.api import Api, ApiError
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import Kind
from dcp_operator.ground.names import FIELD_MANAGER, Owner


async def write_status(api: Api, store: Store, kind: Kind, owner: Owner, status: object) -> bool:
    """False where it was deleted, or deleted and made anew, since it was looked at. ApiError passes through else."""
    document = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": owner.name, "namespace": owner.namespace, "uid": owner.uid},
        "status": status,
    }
    try:
        store.put_pipeline(await api.apply(kind, document, FIELD_MANAGER, "status"))
    except ApiError as error:
        if error.status not in (404, 409):
            raise
        return False
    return True
