"""kubectl, which knows the way to the cluster: contexts, tokens, proxies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from dcp_cli.errors import CommandFailed

Document = Mapping[str, Any]
PIPELINES = "datacleaningpipelines.datacleaning.io"
TASKS = "datacleaningtasks.datacleaning.io"


def condition(document: Document, kind: str) -> Mapping[str, Any]:
    """One of an object's conditions; empty where it has none such."""
    conditions = (document.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == kind), {})


class NotThere(CommandFailed):
    """There is no such object."""


@dataclass(frozen=True)
class Kubectl:
    """`options` are those that every call gets: --context, --namespace and so on."""

    options: tuple[str, ...] = ()
    program: str = "kubectl"

    def get(self, kind: str, name: str) -> Document:
        """The object. Raises NotThere, or CommandFailed with kubectl's own words."""
        found: Document = json.loads(self._said("get", kind, name, "-o", "json"))
        return found

    def definition(self, crd: str) -> Document:
        """A CustomResourceDefinition."""
        return self.get("customresourcedefinitions", crd)

    def everywhere(self, kind: str) -> list[Document]:
        """All objects of a kind, of every namespace."""
        return self._listed(kind, "--all-namespaces")

    def here(self, kind: str) -> list[Document]:
        """All objects of a kind in the namespace."""
        return self._listed(kind)

    def _listed(self, kind: str, *where: str) -> list[Document]:
        found: list[Document] = json.loads(self._said("get", kind, *where, "-o", "json"))["items"]
        return found

    def touch(self, kind: str, namespace: str, name: str) -> None:
        """Have the object written as it is. Raises NotThere where it has gone."""
        self._said("patch", kind, name, f"--namespace={namespace}", "--type=merge", "--patch={}")

    def stored_as(self, crd: str, version: str) -> None:
        """Note in a CRD that nothing is stored in any other version."""
        status = json.dumps({"status": {"storedVersions": [version]}})
        self._said("patch", "customresourcedefinitions", crd, "--subresource=status", "--type=merge",
                   f"--patch={status}")  # fmt: skip

    def create(self, document: Document) -> Document:
        made: Document = json.loads(self._said("create", "-f", "-", "-o", "json", given=json.dumps(document)))
        return made

    def log_of(self, job: str) -> str:
        """What the pod of a Job has written. Raises CommandFailed, also where it is gone."""
        return self._said("logs", f"job/{job}", "-c", "dcp")

    def become(self, words: Sequence[str]) -> NoReturn:
        """The rest is kubectl's: it gets the terminal, and its exit code is ours."""
        os.execv(self._path(), [self.program, *self.options, *words])  # noqa: S606

    def _said(self, *words: str, given: str | None = None) -> str:
        command = [self._path(), *self.options, *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            told = done.stderr.strip() or f"kubectl {words[0]} ended with {done.returncode}"
            raise (NotThere if "(NotFound)" in told else CommandFailed)(f"kubectl: {told}")
        return done.stdout

    def _path(self) -> str:
        if (path := shutil.which(self.program)) is None:
            raise CommandFailed("kubectl is not on the PATH")
        return path
