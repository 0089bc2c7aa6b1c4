"""Whether a pipeline's spec can be used in this cluster, and what its Secrets hold. An unusable one is no error of
the operator's: it becomes a condition that names the field."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcp_operator.children.secret_refs import all_refs
from dcp_pipeline.dialects import is_file
from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef
from dcp_pipeline.spec.parse import pipeline_of

MOST_PROBLEMS = 10


@dataclass(frozen=True)
class SecretSeen:
    """A Secret as it was read. `values` stay in memory and in no message."""

    uid: str
    values: Mapping[str, str] = field(repr=False)

    def digest_of(self, key: str) -> str:
        """Differs where the value does. Keyed with the Secret's uid, which only those know who may read the Secret: a
        digest of a weak password, on a Deployment, would otherwise be an invitation to guess."""
        text = self.values.get(key, "").encode()
        return hashlib.blake2b(text, digest_size=16, key=self.uid.encode()[:64]).hexdigest()


@dataclass(frozen=True)
class Refusal:
    """Why nothing can be done with the resource: `reason` for programs, `message` for people."""

    reason: str
    message: str


def parsed(resource: Mapping[str, Any]) -> Pipeline | Refusal:
    """The pipeline of a resource as the API server has it."""
    document = {key: resource[key] for key in ("apiVersion", "kind", "spec") if key in resource}
    metadata = resource["metadata"]
    document["metadata"] = {"name": metadata["name"], "namespace": metadata["namespace"]}
    try:
        pipeline = pipeline_of(document)
    except SpecInvalid as error:
        return _invalid(list(error.problems))
    problems = _absent_in_cluster(pipeline)
    return _invalid(problems) if problems else pipeline


def scaled_at_least(resource: Mapping[str, Any]) -> Pipeline | None:
    """The pipeline of a refused resource, where only what its pods ask for is refused: so its workers go on to follow
    the queue. A release of the operator may refuse there what an earlier one took."""
    spec = dict(resource.get("spec") or {})
    for component in ("fetcher", "worker"):
        part = spec.get(component)
        if isinstance(part, Mapping):
            spec[component] = {key: value for key, value in part.items() if key not in ("podTemplate", "resources")}
    found = parsed({**resource, "spec": spec}) if spec != resource.get("spec") else None
    return found if isinstance(found, Pipeline) else None


def missing_secrets(
    pipeline: Pipeline, secrets: Mapping[str, SecretSeen], refs: Sequence[SecretKeyRef] | None = None
) -> Refusal | None:
    """A refusal that names every Secret and key that is referenced, by all or by `refs`, and not there."""
    missing = [_missing(ref, secrets) for ref in (all_refs(pipeline) if refs is None else refs)]
    named = [each for each in missing if each]
    if not named:
        return None
    return Refusal("SecretMissing", _joined(named) + f" (in namespace {pipeline.metadata.namespace})")


def to_seen(secret: Mapping[str, Any]) -> SecretSeen:
    """A Secret's document, decoded. A value that is no text cannot be a password, and is left empty."""
    values = {}
    for key, encoded in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(encoded).decode().removesuffix("\n").removesuffix("\r")
        except (binascii.Error, UnicodeDecodeError):
            values[key] = ""
    return SecretSeen(str(secret["metadata"]["uid"]), values)


def value_of(ref: SecretKeyRef, secrets: Mapping[str, SecretSeen]) -> str:
    """The text behind a reference. To be called once missing_secrets() found none."""
    return secrets[ref.name].values[ref.key]


def _absent_in_cluster(pipeline: Pipeline) -> list[SpecProblem]:
    spec = pipeline.spec
    problems = []
    if spec.queue.redis is None:
        problems.append(SpecProblem("spec.queue.redis", "is required in a cluster: name a Redis or Valkey server"))
    elif spec.queue.redis.url.startswith("unix:"):
        problems.append(SpecProblem("spec.queue.redis.url", "is a socket, which no other pod can reach"))
    if spec.sink is None or spec.sink.sql is None:
        problems.append(SpecProblem("spec.sink.sql", "is required in a cluster: name a database and a table"))
    elif is_file(spec.sink.sql.url):
        problems.append(
            SpecProblem("spec.sink.sql.url", "is SQLite, a file that pods cannot share; use MySQL or MariaDB")
        )
    return problems


def _missing(ref: SecretKeyRef, secrets: Mapping[str, SecretSeen]) -> str | None:
    seen = secrets.get(ref.name)
    if seen is None:
        return f"Secret {ref.name} does not exist (its key {ref.key} is referenced)"
    return None if ref.key in seen.values else f"Secret {ref.name} has no key {ref.key}"


def _invalid(problems: list[SpecProblem]) -> Refusal:
    return Refusal("InvalidSpec", _joined([str(each) for each in problems]))


def _joined(messages: list[str]) -> str:
    shown = messages[:MOST_PROBLEMS]
    more = [f"and {len(messages) - MOST_PROBLEMS} more"] if len(messages) > MOST_PROBLEMS else []
    return "; ".join([*shown, *more])
