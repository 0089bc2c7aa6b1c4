"""Which pipelines are scaled, and which of them share a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dcp_operator.ground.names import Owner, PipelineKey
from dcp_operator.scaling.server import Server
from dcp_pipeline.spec.model import Pipeline


@dataclass(frozen=True)
class Target:
    """A pipeline that is scaled: the last usable spec, and where its queue is."""

    owner: Owner
    pipeline: Pipeline
    server: Server
    held: bool = False
    """Looked at, and left alone: somebody has paused the reconciliation."""


@dataclass
class Targets:
    """Which pipelines are scaled; the reconciler writes it, the scaler reads it."""

    by_key: dict[PipelineKey, Target] = field(default_factory=dict)
    _groups: tuple[Group, ...] | None = None

    def put(self, target: Target) -> None:
        """From now on."""
        if self.by_key.get(target.owner.key) != target:
            self.by_key[target.owner.key] = target
            self._groups = None

    def drop(self, key: PipelineKey) -> Target | None:
        """No longer."""
        if (dropped := self.by_key.pop(key, None)) is not None:
            self._groups = None
        return dropped

    def hold(self, key: PipelineKey, held: bool) -> None:
        """Keep the hands off, or no longer, whatever its spec is now."""
        if (target := self.by_key.get(key)) is not None and target.held != held:
            self.put(replace(target, held=held))

    @property
    def groups(self) -> tuple[Group, ...]:
        """By server; the same object until something changes."""
        if self._groups is None:
            by_server: dict[Server, dict[PipelineKey, Target]] = {}
            for key, target in self.by_key.items():
                by_server.setdefault(target.server, {})[key] = target
            self._groups = tuple(Group.of(*each) for each in by_server.items())
        return self._groups


@dataclass(frozen=True)
class Group:
    """The targets of one server."""

    server: Server
    targets: Mapping[PipelineKey, Target]
    names: Mapping[PipelineKey, str]
    """Of their queues."""
    queues: tuple[str, ...]

    @classmethod
    def of(cls, server: Server, targets: Mapping[PipelineKey, Target]) -> Group:
        names = {key: target.pipeline.queue_name for key, target in targets.items()}
        return cls(server, targets, names, tuple(sorted(set(names.values()))))
