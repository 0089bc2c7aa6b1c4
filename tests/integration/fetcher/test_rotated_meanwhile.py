"""growth: append of files: rotated between any two steps of a look, by a fetcher that was killed before it or not."""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcp_fetcher.objects import Outcome
from dcp_pipeline.batch import decode_batch
from dcp_pipeline.ledger.model import ObjectState
from support.fetching import Fetching, file_source

HEADER = b"a,b\n"
WRITES = ("open_object", "update_object", "record_cuts", "enqueue")


class Killed(BaseException):
    """From here on nothing of this process reaches the ledger or the queue."""


class Played:
    """A growing file, what was written to it, and whoever reads it."""

    def __init__(self, folder: Path, include: list[str] | None = None) -> None:
        self.folder, self.log, self.written = folder, folder / "app.log", 0
        self.log.write_bytes(HEADER)
        place = {"path": self.log} if include is None else {"path": folder, "include": include}
        self.fetching = Fetching(file_source(**place, growth="append", settle="1ms"), max_records=2)
        self._read: dict[str, bytes] = {}

    def write(self, path: Path, count: int) -> None:
        with path.open("ab") as file:
            file.writelines(b"%05d,x\n" % n for n in range(self.written, self.written + count))
        self.written += count

    def look(self) -> None:
        self.fetching.round()
        self._collect()

    def killed_look(self, writes: int) -> bool:
        """A look of which only so many writes were made, and the queue is gone with it; was it more than it does?"""
        seen = itertools.count()
        switches = (self.fetching.ledger.switch, self.fetching.queue.switch)

        def dying(call: Callable[[str], None]) -> Callable[[str], None]:
            dead = False

            def made(name: str) -> None:
                nonlocal dead
                dead = dead or (name in WRITES and next(seen) >= writes)
                if dead:
                    raise Killed
                call(name)

            return made

        with pytest.MonkeyPatch.context() as patched:
            for switch in switches:
                patched.setattr(switch, "call", dying(switch.call))
            self.fetching.round()
        self._collect()
        self.fetching.queue.flush()
        return next(seen) <= writes

    def numbers(self) -> Counter[int]:
        """How often each record was cut; a batch that came twice is one to the sink."""
        lines = (line for payload in self._read.values() for line in decode_batch(payload).raw().splitlines())
        return Counter(int(line[:5]) for line in lines)

    def _collect(self) -> None:
        self._read |= {job.id: job.payload for job in self.fetching.queue.jobs.values()}


def create(played: Played) -> None:
    aside = played.folder / "app.log.1"
    played.log.rename(aside)
    played.write(aside, 1)  # by a writer that has it open still
    played.log.write_bytes(HEADER)
    played.write(played.log, 1)


def create_empty(played: Played) -> None:
    played.log.rename(played.folder / "app.log.1")
    played.log.write_bytes(b"")


def compress(played: Played) -> None:
    create(played)
    aside = played.folder / "app.log.1"
    status = aside.stat()
    packed = aside.with_name("app.log.1.gz")
    packed.write_bytes(gzip.compress(aside.read_bytes()))
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    aside.unlink()


def copytruncate(played: Played) -> None:
    shutil.copy(played.log, played.folder / "app.log.1")
    played.log.write_bytes(HEADER)
    played.write(played.log, 1)


def rotated_at(played: Played, step: int, rotate: Callable[[Played], None]) -> bool:
    """One look, and a rotation before its `step`-th question to the file system; False where it asks fewer."""
    steps, rotating = itertools.count(), False

    def stepped(ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Any, *more: Any, **named: Any) -> Any:
            nonlocal rotating
            if not rotating and str(path).startswith(str(played.folder)) and next(steps) == step:
                rotating = True
                rotate(played)
                rotating = False
            return ask(path, *more, **named)

        return asked

    with pytest.MonkeyPatch.context() as patched:
        for name in ("open", "scandir", "stat"):
            patched.setattr(os, name, stepped(getattr(os, name)))
        played.look()
    return next(steps) > step


@pytest.mark.parametrize("rotate", [create, create_empty, compress, copytruncate])
def test_what_is_rotated_between_two_steps_of_a_look_is_read_once(
    tmp_path: Path, rotate: Callable[[Played], None]
) -> None:
    numbers = itertools.count()

    def play(step: int, writes: int | None) -> tuple[bool, bool]:
        """(does a look take so many steps, does the killed one make fewer writes)."""
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        played = Played(folder)
        played.write(played.log, 5)
        played.look()
        played.write(played.log, 4)
        unkilled = writes is not None and played.killed_look(writes)
        played.write(played.log, 2)
        came = rotated_at(played, step, rotate)
        if not played.log.stat().st_size:
            played.log.write_bytes(HEADER)
        played.write(played.log, 3)
        for _ in range(3):
            played.look()
        assert played.numbers() == Counter(range(played.written)), f"rotated at {step}, killed after {writes}"
        states = {each.state for each in played.fetching.ledger.all_objects()}
        assert states == {ObjectState.CUT}, f"rotated at {step}, killed after {writes}"
        return came, unkilled

    for writes in (None, *range(20)):
        step, came, unkilled = 0, True, False
        while came:
            came, unkilled = play(step, writes)
            step += 1
        assert step > 5, "a look asks the file system more than that"
        if unkilled:
            break
    else:
        pytest.fail("the killed look was killed each time")


@pytest.mark.parametrize(
    "error", [PermissionError("no"), OSError(24, "Too many open files"), OSError(5, "Input/output")]
)
def test_a_file_that_cannot_be_told_for_a_moment_is_not_begun_a_second_time(tmp_path: Path, error: OSError) -> None:
    played = Played(tmp_path)
    played.write(played.log, 5)
    played.look()
    restored = tmp_path / "restored"  # the same bytes under another inode, as a backup brings them back
    shutil.copy(played.log, restored)
    restored.rename(played.log)
    played.write(played.log, 2)
    opened, failed = os.open, itertools.count()

    def fails_once(path: Any, *more: Any, **named: Any) -> int:
        if str(path) == str(played.log) and not next(failed):
            raise error
        return opened(path, *more, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "open", fails_once)
        first = played.fetching.round()
    assert next(failed), "it was tried"
    played.look()
    assert played.numbers() == Counter(range(played.written))
    assert [each.state for each in played.fetching.ledger.all_objects()] == [ObjectState.CUT]
    assert [look.reason for look in first.looks if look.outcome is Outcome.FAILED], "whoever waits for it is told"


@pytest.mark.parametrize("rotate", [create, compress, copytruncate])
def test_a_file_that_cannot_be_opened_once_is_still_what_it_is(
    tmp_path: Path, rotate: Callable[[Played], None]
) -> None:
    refused = True
    for at in itertools.count():
        if not refused:
            break
        folder = tmp_path / str(at)
        folder.mkdir()
        played = Played(folder, ["app.log*"])
        played.write(played.log, 5)
        played.look()
        played.write(played.log, 200)
        if rotate is copytruncate:  # whose copy ends inside of what was read
            shutil.copy(played.log, folder / "app.log.1")
            played.write(played.log, 4)
            played.look()
            played.log.write_bytes(HEADER)
        else:
            played.look()
            rotate(played)
        played.write(played.log, 3)
        opened, opens = os.open, itertools.count()

        def fails_at(path: Any, *more: Any, at: int = at, opens: Any = opens, **named: Any) -> int:
            if str(path).startswith(str(tmp_path)) and next(opens) == at:
                raise OSError(24, "Too many open files")
            return opened(path, *more, **named)  # noqa: B023

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "open", fails_at)
            played.look()
        refused = next(opens) > at
        for _ in range(3):
            played.look()
        assert played.numbers() == Counter(range(played.written)), f"the open that failed: {at}"
        assert {each.state for each in played.fetching.ledger.all_objects()} == {ObjectState.CUT}
    assert at > 2
