"""Sends spans by OTLP over HTTP: from a thread of its own, out of a queue that is bounded, so that a collector that is
slow or away holds nothing up. What is not sent is counted and told.

Not by OpenTelemetry's SDK: wherever that is installed, redis-py imports it at every start (docs/adr/0134). Its protobuf
classes are used.
"""

from __future__ import annotations

import gzip
import http.client
import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from dcp_pipeline.observe.tracing.settings import Sending, sending_of
from dcp_pipeline.observe.tracing.spans import Made, SpanMaker
from dcp_pipeline.secrets import hidden

log = logging.getLogger(__name__)
_PERIOD_SECONDS = 2.0
_AT_ONCE, _MOST_WAITING = 512, 8192
_TIMEOUT_SECONDS = 10.0
_CLOSE_SECONDS = 5.0
"""A process that ends waits no longer for a collector."""
_AGAIN = (429, 502, 503, 504)
"""Answers after which OTLP asks to try once more."""
_TOLD_EVERY_SECONDS = 60.0


class Sent(SpanMaker):
    """Traces that are sent."""

    def __init__(self, environment: Mapping[str, str], pipeline: str, instance: str, redact: Callable[[str], str]):
        super().__init__(self._take, redact)
        self._sending = sending_of(environment, pipeline, instance)
        for each in self._sending.remarks:
            log.warning(each)
        self._sender = _Sender(self._sending)
        self._sender.start()

    def close(self) -> None:
        """What is left is sent, within seconds."""
        self._sender.close()

    def _take(self, made: Made) -> None:
        if self._sending.wants(made.trace_id):
            self._sender.put(made)


class _NotSentOn(HTTPRedirectHandler):
    """Whoever sends us on is no collector: what the headers say was for this one (urllib would hand it on)."""

    def redirect_request(self, *_: object) -> None:
        return None


class _Sender:
    def __init__(self, sending: Sending) -> None:
        # Imported here: where it is missing, whoever opened this is told.
        from dcp_pipeline.observe.tracing.protobuf import encoded

        self._encoded, self._sending = encoded, sending
        context = ssl.create_default_context(cafile=sending.ca_file) if sending.ca_file else None
        self._opener = build_opener(_NotSentOn, HTTPSHandler(context=context))
        self._waiting: deque[Made] = deque()
        self._woken, self._ending, self._lock = threading.Event(), threading.Event(), threading.Lock()
        self._lost, self._told_at = 0, float("-inf")
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, made: Made) -> None:
        with self._lock:
            if len(self._waiting) >= _MOST_WAITING:
                self._lost += 1
                return
            self._waiting.append(made)
        if len(self._waiting) >= _AT_ONCE:
            self._woken.set()

    def close(self) -> None:
        self._ending.set()
        self._woken.set()
        self._thread.join(_CLOSE_SECONDS)
        left = self._lost + len(self._waiting)
        if self._thread.is_alive():
            log.warning("the last traces are not sent: the collector does not take them")
        elif left:
            log.warning("%d spans of traces were not sent", left)

    def _run(self) -> None:
        while not (self._ending.is_set() and not self._waiting):
            self._woken.wait(_PERIOD_SECONDS)
            self._woken.clear()
            while spans := self._some():
                try:
                    self._send(spans)
                except Exception as error:  # noqa: BLE001 (a thread that ended would lose all later ones, and tell nobody)
                    self._lose(len(spans), f"{type(error).__name__}: {error}")

    def _some(self) -> list[Made]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]

    def _send(self, spans: Sequence[Made]) -> None:
        body = gzip.compress(self._encoded(spans, self._sending.resource), 1)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **self._sending.headers}
        for pause in (1.0, 3.0, None):
            why, again = self._post(body, headers)
            if not why:
                if self._lost:
                    self._lose(0, "more were made than it took")
                return
            if not again or pause is None or self._ending.is_set():
                break
            self._ending.wait(pause)
        self._lose(len(spans), why)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
        """Why it was not taken, and whether it is to be tried again; empty where it was."""
        try:
            request = Request(self._sending.url, body, dict(headers))  # noqa: S310 (the user's own setting)
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS):
                return "", False
        except HTTPError as error:
            return f"it answers {error.code} {error.reason}", error.code in _AGAIN
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}", not isinstance(error, ValueError)

    def _lose(self, spans: int, why: str) -> None:
        self._lost += spans
        now = time.monotonic()
        if now - self._told_at > _TOLD_EVERY_SECONDS:
            log.warning(
                "traces are not sent: %s",
                hidden(why, self._sending.secrets),
                extra={"endpoint": self._sending.url.partition("?")[0], "lost": self._lost},
            )
            self._told_at, self._lost = now, 0
