"""The page's desk: the specs as their files are now, and the command line's actions on them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dcp_cli.embedded.state import StateFolder
from dcp_cli.errors import CommandFailed
from dcp_cli.ledger.dead import requeue
from dcp_cli.ledger.held import drop, held_of, queue_of, release
from dcp_cli.ledger.objects import forget, reread
from dcp_cli.look import client_of, ledger_of
from dcp_cli.spec_files import load_marked, mark_of, spec_files
from dcp_pipeline.connect import open_queue
from dcp_pipeline.errors import Unusable, in_words
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.view import LedgerView
from dcp_pipeline.ledger.model import ObjectBooks, RejectFilter, StoredReject
from dcp_pipeline.scaling.of_spec import bounds_of, policy_of
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.setup import Setup, load_setup
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_ui.ground.ports import ActionRefused, Found, Load, Replayed, Simulated, Tried

if TYPE_CHECKING:
    from dcp_worker.clean.preview import PreviewRecord

log = logging.getLogger(__name__)


class CommandDesk:
    """Thread-safe: what it keeps are the setups of files that have not changed."""

    def __init__(self, given: Sequence[Path], environment: Mapping[str, str]) -> None:
        self._given = tuple(given)
        self._environment = environment
        self._known: dict[Path, tuple[object, Found]] = {}

    def redact(self, text: str) -> str:
        """A text without any secret that one of the pipelines was given."""
        for _, found in list(self._known.values()):
            if found.setup is not None:
                text = found.setup.secrets.redact(text)
        return text

    def specs(self) -> list[Found]:
        """The specs as their files are now."""
        files = spec_files(self._given, self._known)
        found = [self._found(path) for path in files]
        self._known = {path: each for path, each in self._known.items() if path in set(files)}
        return found

    def embedded_url(self, setup: Setup) -> str | None:
        """Where the queue inside a `dcp run` of this machine answers."""
        return StateFolder(setup.state_folder).url() if setup.pipeline.spec.queue.redis is None else None

    def simulate(self, setup: Setup, load: Load) -> list[Simulated]:
        """`dcp simulate` of a load: the changes of the number of workers."""
        from dcp_cli.simulate.contest import explained
        from dcp_cli.simulate.trace import Trace
        from dcp_cli.simulate.world import Physics

        pipeline = setup.pipeline
        trace = Trace("seen", tuple(at for at, count in load.arrivals for _ in range(count)), load.seconds)
        physics = Physics(load.service_seconds, pipeline.spec.worker.concurrency)
        steps = explained(trace, policy_of(pipeline), bounds_of(pipeline), physics)
        return [Simulated(each.at, each.after, each.reason) for each in steps]

    def try_again(self, setup: Setup, wanted: RejectFilter, limit: int) -> list[Tried]:
        """Clean some rejects by the spec as it is now; nothing is written."""
        from dcp_worker.sink.replaying.trial import trier

        with refusing(), ExitStack() as stack:
            ledger = ledger_of(setup, stack)
            found = [
                each.reject for each in LedgerView(ledger.engine, setup.pipeline.key).rejects_page(wanted, None, limit)
            ]
            objects = {each: ledger.object(each) for each in dict.fromkeys(each.object_id for each in found)}
        ordered = sorted(found, key=lambda each: (each.object_id, each.header or (), each.record))
        given = [(each, source) for each in ordered if (source := objects[each.object_id]) is not None]
        return [_tried(reject, becomes) for reject, becomes in trier(setup)(given)]

    def replay(self, setup: Setup, wanted: RejectFilter) -> Replayed:
        """`dcp rejects replay`."""
        from dcp_worker.process import replayer

        with refusing(), ExitStack() as stack:
            ledger = ledger_of(setup, stack)
            done = replayer(setup, ledger.engine, ledger)(wanted)
        return Replayed(done.replayed, done.written, done.duplicates, done.filtered, done.rejected, done.cut_off)

    def requeue(self, setup: Setup, batches: Sequence[str]) -> str:
        """`dcp dead requeue`."""
        with refusing(), ExitStack() as stack:
            return requeue(ledger_of(setup, stack), open_queue(setup, client_of(setup, stack)), batches, every=False)

    def forget(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects forget`."""
        with refusing(), ExitStack() as stack:
            ledger = ledger_of(setup, stack)
            return forget(ledger, _known(ledger, objects))

    def release(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects release`."""
        with refusing(), ExitStack() as stack:
            ledger = ledger_of(setup, stack)
            return release(ledger, queue_of(setup, stack), held_of(ledger, objects))

    def drop(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects drop`."""
        with refusing(), ExitStack() as stack:
            ledger = ledger_of(setup, stack)
            return drop(ledger, queue_of(setup, stack), held_of(ledger, objects))

    def reread(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects reread`."""
        with refusing(), ExitStack() as stack:
            ledger = ledger_of(setup, stack)
            return reread(setup, ledger, _known(ledger, objects))

    def _found(self, path: Path) -> Found:
        try:
            known = self._known.get(path)
            if known is not None and known[1].setup is not None and known[0] == mark_of(known[1].setup):
                return known[1]
            mark, setup = load_marked(path, self._load, known[1].setup if known else None)
        except (SpecInvalid, SettingInvalid, Unusable, OSError) as error:
            return Found(path, None, in_words(error))
        except Exception as error:
            # One file, whatever it holds, does not take the others' page away.
            log.exception("%s: a defect of this program", path)
            return Found(path, None, f"a defect of this program: {type(error).__name__}; its log says more")
        self._known[path] = (mark, found := Found(path, setup))
        return found

    def _load(self, path: Path) -> Setup:
        return load_setup(path, self._environment)


@contextmanager
def refusing() -> Iterator[None]:
    """What a command would say and fail with."""
    try:
        yield
    except CommandFailed as error:
        raise ActionRefused(str(error)) from error


def _known(ledger: Ledger, ids: Sequence[str]) -> tuple[ObjectBooks, ...]:
    found = ledger.books_of(ids)
    if len(found) != len(set(ids)):
        raise CommandFailed(f"{len(set(ids)) - len(found)} of these objects are not known (any more)")
    return found


def _tried(reject: StoredReject, becomes: PreviewRecord | None) -> Tried:
    raw = reject.raw or b""
    if becomes is None:
        why = "it cannot be read alone: not all of its bytes were kept, or a quote in it is open"
        return Tried(reject.record, reject.uri, raw, None, reject.code, reject.field, why)
    again = becomes.reject
    return Tried(
        record=reject.record,
        uri=reject.uri,
        raw=raw,
        row=becomes.row,
        code=again.code if again else None,
        field=again.field if again else None,
        reason=again.reason if again else None,
        filtered=becomes.filtered,
    )
