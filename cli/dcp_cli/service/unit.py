"""The unit that runs `dcp up`: a pure function of what was asked. docs/server.md says what each part is for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dcp_pipeline.process.exit_codes import INVALID, OVERLAPPING

MARK = "# Made by `dcp service install`; `dcp service uninstall` removes it. Changes of yours belong into a drop-in.\n"
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")
_HARDENING = (
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateUsers=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged",
    "SystemCallErrorNumber=EPERM",
)


@dataclass(frozen=True)
class Service:
    """What is to run."""

    program: str
    """`dcp`, with its whole path."""
    specs: tuple[Path, ...]
    user: bool
    """A unit of the user's own manager."""
    arguments: tuple[str, ...] = ()
    """Further ones of `dcp up`."""
    credentials: tuple[tuple[str, Path], ...] = ()
    """(name of the secret.its key, file)."""
    environment_file: Path | None = None
    writable: tuple[Path, ...] = ()
    """Folders that are written to: of SQLite sinks beside their specs."""


def problem_of(service: Service) -> str | None:
    """What cannot stand in a unit, whose lines are its settings: None where all can."""
    texts = [service.program, *service.arguments, *map(str, (*service.specs, *service.writable))]
    texts += [str(service.environment_file or ""), *(str(path) for _, path in service.credentials)]
    for text in texts:
        if not text.isprintable():
            return f"{text!a} holds what no unit of systemd can name: call it otherwise"
    for name, path in service.credentials:
        if not _CREDENTIAL.fullmatch(name):
            return f"{path}: a secret's name and key are letters, digits and ._- only"
    return None


def unit_text(service: Service) -> str:
    """The unit's file."""
    sections = {
        "Unit": ["Description=Data cleaning pipelines (dcp up)", *_after(service)],
        "Service": [*_process(service), *_place(service), *_hardening(service)],
        "Install": [f"WantedBy={'default.target' if service.user else 'multi-user.target'}"],
    }
    return MARK + "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())


def _after(service: Service) -> list[str]:
    # A user's manager knows no network-online.target.
    return [] if service.user else ["Wants=network-online.target", "After=network-online.target"]


def _process(service: Service) -> Iterable[str]:
    words = [service.program, "up", *map(str, service.specs), *service.arguments]
    yield "Type=notify"
    yield "NotifyAccess=main"
    yield f"ExecStart={' '.join(map(_quoted, map(_escaped, words)))}"
    yield "ExecReload=kill -HUP $MAINPID"
    yield "Restart=on-failure"
    yield "RestartSec=5"
    yield f"RestartPreventExitStatus={INVALID} {OVERLAPPING}"
    yield "WatchdogSec=60"
    yield "TimeoutStartSec=300"
    yield "TimeoutStopSec=90"
    yield "KillMode=mixed"
    yield "LimitNOFILE=65536"
    yield "UMask=0077"


def _place(service: Service) -> Iterable[str]:
    yield "Environment=LOG_FORMAT=console"
    yield "RuntimeDirectory=%N"  # for the queue's socket: other commands do not see into a /tmp of its own
    if service.environment_file:
        yield f"EnvironmentFile=-{_specified(str(service.environment_file))}"
    for name, path in service.credentials:
        yield f"LoadCredential={name}:{_specified(str(path))}"
    if service.user:
        yield "ProtectHome=read-only"
        yield f"ReadWritePaths={' '.join(map(_quoted, map(_specified, _unique(map(str, service.writable)))))}"
        return
    yield "DynamicUser=yes"
    yield "StateDirectory=dcp"
    yield "WorkingDirectory=/var/lib/dcp"
    yield "Environment=DCP_STATE_DIR=/var/lib/dcp"
    yield "RemoveIPC=yes"
    at_home = any(path.is_relative_to(home) for path in service.specs for home in ("/home", "/root", "/run/user"))
    yield f"ProtectHome={'read-only' if at_home else 'yes'}"


def _hardening(service: Service) -> Sequence[str]:
    """With a /tmp of its own it would not find what lies there, and systemd says no more than status 226."""
    places = ("/tmp", "/var/tmp")  # noqa: S108
    there = any(path.is_relative_to(place) for path in (*service.specs, *service.writable) for place in places)
    return [each for each in _HARDENING if not (there and each == "PrivateTmp=yes")]


def _unique(texts: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(texts))


def _specified(text: str) -> str:
    """A path: systemd's specifiers begin with %."""
    return text.replace("%", "%%")


def _escaped(text: str) -> str:
    """A word of a command: and variables with $."""
    return _specified(text).replace("$", "$$")


def _quoted(text: str) -> str:
    if text and not set(text) & set(" \t\"'\\;"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
