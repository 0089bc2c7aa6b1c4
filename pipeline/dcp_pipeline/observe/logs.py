"""Structured logs: one JSON object per line for machines, one readable line for people."""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec

from dcp_pipeline.errors import in_words
from dcp_pipeline.observe.printable import printable, printable_cell, printable_json, readable
from dcp_pipeline.settings import SettingInvalid

log = logging.getLogger(__name__)

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class LogFiles(msgspec.Struct, frozen=True):
    """Where logs go instead of stderr."""

    path: Path | None = None
    errors: Path | None = None
    """Errors too, in a file of their own."""
    most_bytes: int = 50 << 20
    keep: int = 5


STDERR = LogFiles()


def set_up_logs(level: str, style: str, redact: Callable[[str], str], files: LogFiles = STDERR) -> None:
    """Send all logs to stderr, or to files. `style` is json, console or empty (console on a terminal and in files).

    Raises SettingInvalid for an unknown level or style, and for a file that cannot be opened.
    """
    level = {"warn": "warning", "verbose": "debug", "log": "info"}.get(level.lower(), level.lower()) or "info"
    style = style or ("console" if files.path or sys.stderr.isatty() else "json")
    if level not in LEVELS:
        raise SettingInvalid(f"LOG_LEVEL={level!r}; allowed: {', '.join(LEVELS)}")
    if style not in ("json", "console"):
        raise SettingInvalid(f"LOG_FORMAT={style!r}; allowed: json, console")
    handlers = _to_files(files, style, redact)
    if not files.path:
        handlers.append(logging.StreamHandler(sys.stderr))
        handlers[-1].setFormatter(_Redacting(_json_line if style == "json" else _console_line, redact))
    root = logging.getLogger()
    for before in root.handlers:
        before.close()
    root.handlers[:] = handlers
    root.setLevel(LEVELS[level])
    _tell_of_defects(redact)
    for noisy in ("aiohttp.access", "asyncio", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(LEVELS[level], logging.WARNING))


def _tell_of_defects(redact: Callable[[str], str]) -> None:
    """What nobody catches: Python writes it as it is, past the log, with whatever a server has repeated in it."""

    def of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(printable(redact("".join(traceback.format_exception(kind, error, trace)))))

    def of_thread(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
            name = ended.thread.name if ended.thread else ""
            log.critical("the thread %s has ended", name, exc_info=ended.exc_value)

    # Where somebody else listens, as a test's runner does, it is theirs to tell.
    if sys.excepthook is sys.__excepthook__ or sys.excepthook.__module__ == __name__:
        sys.excepthook = of_process
    if threading.excepthook is threading.__excepthook__ or threading.excepthook.__module__ == __name__:
        threading.excepthook = of_thread


def _to_files(files: LogFiles, style: str, redact: Callable[[str], str]) -> list[logging.Handler]:
    if not files.path and not files.errors:
        return []
    from dcp_pipeline.observe.log_files import LogFile, bear_sigusr1

    handlers: list[logging.Handler] = []
    for path, least in ((files.path, logging.NOTSET), (files.errors, logging.ERROR)):
        if path is None:
            continue
        try:
            handler = LogFile(path, files.most_bytes, files.keep)
        except OSError as error:
            raise SettingInvalid(f"the log file cannot be opened: {in_words(error)}") from error
        handler.setLevel(least)
        handler.setFormatter(_Redacting(_json_line if style == "json" else _dated_line, redact))
        handlers.append(handler)
    bear_sigusr1()
    return handlers


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
    return _text_line(record, trace, datetime.fromtimestamp(record.created).strftime("%H:%M:%S"))


def _dated_line(record: logging.LogRecord, trace: str) -> str:
    # With its offset: a file outlives the hour that comes twice in autumn.
    moment = datetime.fromtimestamp(record.created).astimezone()
    return _text_line(record, trace, moment.isoformat(sep=" ", timespec="milliseconds"))


def _text_line(record: logging.LogRecord, trace: str, clock: str) -> str:
    extras = "".join(f" {key}={value}" for key, value in _extras(record).items() if value is not None)
    line = f"{clock} {record.levelname.lower():7} {printable_cell(readable(record.getMessage() + extras))}"
    return f"{line}\n{printable(trace)}" if trace else line
