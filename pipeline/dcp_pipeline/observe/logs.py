"""Structured logs: one JSON object per line for machines, one readable line for people."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from dcp_pipeline.observe.printable import printable, printable_cell, printable_json, readable
from dcp_pipeline.settings import SettingInvalid

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def set_up_logs(level: str, style: str, redact: Callable[[str], str]) -> None:
    """Send all logs to stderr. `style` is json, console or empty (console on a terminal).

    Raises SettingInvalid for an unknown level or style.
    """
    level = {"warn": "warning", "verbose": "debug", "log": "info"}.get(level.lower(), level.lower()) or "info"
    style = style or ("console" if sys.stderr.isatty() else "json")
    if level not in LEVELS:
        raise SettingInvalid(f"LOG_LEVEL={level!r}; allowed: {', '.join(LEVELS)}")
    if style not in ("json", "console"):
        raise SettingInvalid(f"LOG_FORMAT={style!r}; allowed: json, console")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(_json_line if style == "json" else _console_line, redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    for noisy in ("aiohttp.access", "asyncio", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(LEVELS[level], logging.WARNING))


class _Redacting(logging.Formatter):
    """Renders a record and takes out every secret that this process has read."""

    def __init__(self, render: Callable[[logging.LogRecord, str], str], redact: Callable[[str], str]) -> None:
        super().__init__()
        self._render, self._redact = render, redact

    def format(self, record: logging.LogRecord) -> str:
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return self._redact(self._render(record, trace))


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _json_line(record: logging.LogRecord, trace: str) -> str:
    line: dict[str, object] = {
        "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "log.level": record.levelname.lower(),
        "log.logger": record.name,
        "message": record.getMessage(),
        **_extras(record),
    }
    if trace:
        line["error.stack_trace"] = trace
    return printable_json(json.dumps(line, default=str, ensure_ascii=False))


def _console_line(record: logging.LogRecord, trace: str) -> str:
    clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
    extras = "".join(f" {key}={value}" for key, value in _extras(record).items() if value is not None)
    line = f"{clock} {record.levelname.lower():7} {printable_cell(readable(record.getMessage() + extras))}"
    return f"{line}\n{printable(trace)}" if trace else line
