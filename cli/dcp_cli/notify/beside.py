"""What looks and tells beside a run: once a minute in a thread while a service runs, at the end of `--once`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.sight import Sight
from dcp_pipeline.observe.gauges import ledger_gauges
from dcp_pipeline.observe.lookout import Looked, Lookout, looked
from dcp_pipeline.observe.metrics import Metrics
from dcp_pipeline.setup import Setup


class SinkHopeless(Exception):
    """Mixed into what ends a run for its sink."""


class Beside:
    """`sink`: what workers met there last; `sources`: what is wrong with each of them."""

    def __init__(
        self,
        setup: Setup,
        spec: str,
        ledger: Ledger,
        sink: Callable[[], str | None],
        sources: Callable[[], Mapping[str, str | None]],
        together: Path | None = None,
    ) -> None:
        self._setup, self._spec, self._ledger = setup, spec, ledger
        self._sink, self._sources, self._together = sink, sources, together

    def start(self, stack: ExitStack, metrics: Metrics | None, tells: bool) -> None:
        """Look from time to time where somebody is to know: whoever reads the metrics, or whom the spec names."""
        tells = tells and bool(self._setup.pipeline.spec.notify)
        if metrics is None and not tells:
            return
        lookout = Lookout(self._look)
        if metrics is not None:
            metrics.add_gauges(ledger_gauges(lookout))
        if tells:
            from dcp_cli.notify.notifier import Notifier

            notifier = Notifier(self._setup, self._spec, together=self._together)
            lookout.add(lambda seen: notifier.round(seen, self._sink(), self._sources()))
        lookout.start()
        stack.callback(lookout.stop)

    def tell_at_the_end(self) -> None:
        """`--once` is done: whatever is wrong is told now, since nobody looks again before the next run."""
        if not self._setup.pipeline.spec.notify:
            return
        from dcp_cli.notify.notifier import Notifier

        seen = looked(self._look)
        Notifier(self._setup, self._spec).round(seen, sources=self._sources(), at_once=True)

    def _look(self) -> Sight:
        return self._ledger.sight(self._setup.pipeline.spec)


@contextmanager
def telling_of_the_sink(setup: Setup, spec: str, together: Path | None = None) -> Iterator[None]:
    """Whom the spec names is told of an error of the ledger by which a run cannot begin, or go on."""
    try:
        yield
    except Exception as error:
        found = next((each for each in _causes(error) if isinstance(each, LedgerError | SinkHopeless)), None)
        if found is not None and setup.pipeline.spec.notify:
            from dcp_cli.notify.notifier import Notifier

            Notifier(setup, spec, together=together).round(Looked(time.time(), None, str(found)), at_once=True)
        raise


def _causes(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    else:
        yield error
