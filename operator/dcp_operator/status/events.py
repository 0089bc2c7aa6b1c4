"""Kubernetes Events about a pipeline: few, for people. The log has everything."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from dcp_operator.cluster.api import Api, ApiError, ApiUnreachable
from dcp_operator.ground.kinds import EVENT
from dcp_operator.ground.names import FIELD_MANAGER, Owner
from dcp_pipeline.spec.model import API_VERSION

log = logging.getLogger(__name__)

REPEAT_SECONDS = 600.0
"""The same Event is not posted again within this time."""
BURST = 20
REFILL_SECONDS = 15.0
"""A pipeline may post BURST Events at once, and one more for each of these."""
LONGEST_NOTE = 1024


@dataclass(frozen=True)
class News:
    """What happened. `action` and `reason` are for programs, `note` for people."""

    kind: Literal["Normal", "Warning"]
    action: str
    reason: str
    note: str


@dataclass
class _Allowance:
    """What one pipeline has posted lately. Times are monotonic seconds."""

    tokens: float
    refilled_at: float
    posted: dict[News, float]


class Recorder:
    """Posts Events, not too many. A failure is logged and otherwise of no consequence."""

    def __init__(self, api: Api, instance: str, monotonic: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._api, self._instance = api, instance
        self._monotonic, self._now = monotonic, now
        self._allowances: dict[Owner, _Allowance] = {}

    async def post(self, owner: Owner, news: News) -> bool:
        """Whether it was posted."""
        level = logging.WARNING if news.kind == "Warning" else logging.INFO
        log.log(level, news.note, extra={"pipeline": str(owner.key), "reason": news.reason})
        if not self._allowed(owner, news):
            return False
        try:
            await self._api.create(EVENT, self._document(owner, news), FIELD_MANAGER)
        except (ApiError, ApiUnreachable) as error:
            log.debug("event not posted", extra={"pipeline": str(owner.key), "error": str(error)})
            return False
        return True

    def forget(self, owner: Owner) -> None:
        """The pipeline is gone."""
        self._allowances.pop(owner, None)

    def _allowed(self, owner: Owner, news: News) -> bool:
        now = self._monotonic()
        allowance = self._allowances.setdefault(owner, _Allowance(BURST, now, {}))
        allowance.tokens = min(BURST, allowance.tokens + (now - allowance.refilled_at) / REFILL_SECONDS)
        allowance.refilled_at = now
        allowance.posted = {each: at for each, at in allowance.posted.items() if now - at < REPEAT_SECONDS}
        if news in allowance.posted or allowance.tokens < 1:
            return False
        allowance.tokens -= 1
        allowance.posted[news] = now
        return True

    def _document(self, owner: Owner, news: News) -> dict[str, Any]:
        name = f"{owner.name[:40]}.{uuid.uuid4().hex[:16]}"
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": name, "namespace": owner.namespace},
            "eventTime": self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": news.kind,
            "action": news.action,
            "reason": news.reason,
            "note": news.note[:LONGEST_NOTE],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": owner.kind,
                "namespace": owner.namespace,
                "name": owner.name,
                "uid": owner.uid,
            },
            "reportingController": f"datacleaning.io/{FIELD_MANAGER}",
            "reportingInstance": self._instance[:128],
        }
