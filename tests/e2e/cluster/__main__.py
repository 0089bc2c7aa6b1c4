"""make cluster-up and its siblings: reads the environment, and calls the steps in their order.

Next to read: settings.py (the environment), then engine.py, node.py and kind.py, in the order they are used.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from e2e.cluster import cache, engine, images, kind, node, settings, tools, versions
from e2e.cluster.engine import Engine
from e2e.cluster.kind import Kind
from e2e.cluster.progress import ClusterError, Steps, output, say
from e2e.cluster.settings import Settings


def up(here: Settings) -> None:
    """A cluster that answers, from whatever state this machine is in."""
    if here.existing:
        output(["kubectl", "get", "--raw", "/readyz"])
        say("the cluster that KUBECONFIG names answers")
        return
    steps = Steps(engine.STEPS + 3 + node.STEPS + 1, here.logs)
    under = engine.started(here, steps)
    tools.all_of(here, steps)
    image, own = node_image(here, under, steps)
    Kind(here, under).create(image, own, steps)
    say(f"\nexport KUBECONFIG={here.kubeconfig}\nexport PATH={here.tools}:$PATH")


def node_image(here: Settings, under: Engine, steps: Steps) -> tuple[str, bool]:
    """The image of the node, and whether it is of our own making (which has another network)."""
    stock = here.node_image or versions.STOCK_NODE_IMAGE
    if here.node_image or under.has_image(stock) or under.reaches(stock):
        steps.skip(f"node image {stock}", node.STEPS)
        return stock, stock.startswith(node.NAME)
    return node.image(here, under, steps), True


def down(here: Settings) -> None:
    """No cluster, and no engine of ours; what was built stays in the cache."""
    if here.existing:
        say("the cluster that KUBECONFIG names is yours, and stays")
        return
    under = engine.running(here)
    if under is None and engine.left_containers(here):
        # A machine that went down took the engine and not the node's record; only an engine can take that away.
        under = engine.started(here, Steps(engine.STEPS, here.logs))
    if under is not None and (here.tools / "kind").exists():
        Kind(here, under).delete()
    say("cluster and engine are down" if engine.stop(here) else "cluster is down")


def status(here: Settings) -> None:
    """One line each: the engine, the cluster, where the rest is."""
    under = engine.running(here)
    say(f"engine      {'none runs' if under is None else under.host or 'the machine’s own'}")
    if under is not None and (here.tools / "kind").exists():
        cluster = Kind(here, under)
        made = cluster.exists()
        state = ("ready" if kind.answers(cluster.kubectl) else "does not answer") if made else "none"
        say(f"cluster     {state}")
        if made:
            say(output([*cluster.kubectl, "get", "nodes", "-o", "wide"]))
    say(f"kubeconfig  {here.kubeconfig}\ncache       {here.cache}\nlogs        {here.logs}")


def purge(here: Settings) -> None:
    """Down, and the cache too: the next `up` builds everything."""
    down(here)
    under = engine.running(here)
    if under is not None:
        ours = under.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=dcp-e2e/*")
        if ours.split():
            under.docker("image", "rm", *ours.split())
    cache.purge(here.cache)
    say(f"{here.cache} is gone")


def build_images(here: Settings) -> None:
    steps = Steps(engine.STEPS + images.STEPS, here.logs)
    images.build(here, engine.started(here, steps), steps)


def load_images(here: Settings) -> None:
    under = engine.running(here)
    if here.existing or under is None:
        raise ClusterError("images are loaded into the cluster of make cluster-up only; push them to your registry")
    Kind(here, under).load(images.references(), Steps(1, here.logs))


COMMANDS: dict[str, Callable[[Settings], None]] = {
    "up": up,
    "down": down,
    "status": status,
    "purge": purge,
    "images": build_images,
    "images-load": load_images,
}


@contextmanager
def _alone(here: Settings) -> Iterator[None]:
    """Two of these at once would build the same thing twice, and start two engines."""
    cache.take(here.cache)
    with (here.cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another one of these is at work on this cache; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.cluster", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    command = COMMANDS[parser.parse_args().command]
    started = time.monotonic()
    try:
        here = settings.read(os.environ)
        if command is status:
            status(here)
            return 0
        with _alone(here):
            command(here)
    except ClusterError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return 130
    say(f"({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
