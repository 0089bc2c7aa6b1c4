"""What the API server has stored in an earlier version of the API, stored anew in the present one.

A resource stays on disk as it was last written; a version may leave the CRD only once nothing lies there in it.
"""

from __future__ import annotations

from dcp_cli.errors import CommandFailed
from dcp_cli.plugin.kubectl import Document, Kubectl, NotThere
from dcp_cli.shown.say import say
from dcp_pipeline.process.exit_codes import DONE

PROGRESS_EVERY = 100


def store_anew(kubectl: Kubectl, crd: str) -> int:
    """Each resource of the CRD is written as it is; the CRD then names the present version alone.

    Run again after an interruption it does the same from the beginning. Raises CommandFailed with kubectl's words.
    """
    definition = kubectl.definition(crd)
    present = _storage_version(definition)
    earlier = [each for each in (definition.get("status") or {}).get("storedVersions") or () if each != present]
    if not earlier:
        say(f"{crd}: all is stored as {present}")
        return DONE
    resources = kubectl.everywhere(crd)
    for count, each in enumerate(resources, 1):
        try:
            kubectl.touch(crd, each["metadata"]["namespace"], each["metadata"]["name"])
        except NotThere:
            continue
        if count % PROGRESS_EVERY == 0:
            say(f"{crd}: {count:,} of {len(resources):,}", err=True)
    if _storage_version(kubectl.definition(crd)) != present:
        raise CommandFailed(f"{crd} has changed meanwhile: run this again")
    kubectl.stored_as(crd, present)
    say(f"{crd}: {len(resources):,} stored as {present}; {', '.join(earlier)} is stored no more")
    return DONE


def _storage_version(definition: Document) -> str:
    return str(next(each["name"] for each in definition["spec"]["versions"] if each["storage"]))
