"""Where schedules are played: servers, the feed, and the links between them and the processes.

A stage is built once and used by one schedule after the other, each with a fresh database and an empty queue.
"""

from __future__ import annotations

import gzip
import itertools
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from chaos.cast import Cast
from chaos.faults.fault import FETCHER_FEED, FETCHER_MARIADB, FETCHER_REDIS, WORKER_MARIADB, WORKER_REDIS
from chaos.faults.rewinds import PROMOTED, USER
from chaos.mariadb_pair import MariaDBPair
from chaos.plan import Arrival, Plan
from chaos.verdict import TABLE
from support.botnet_feed import HEADER, lines
from support.dcp_process import EXAMPLES
from support.feed_server import FeedServer, feed_server
from support.mariadb_server import MariaDBServer, documented_rights, mariadb_server
from support.redis_server import RunningServer, redis_server
from support.tcp_proxy import TcpProxy, tcp_proxy
from support.waiting import wait_until

LEASE_SECONDS = 2
JUDGE_MARIADB = "judge-mariadb"
_DISK_BYTES = 256 << 20
KEPT_SECONDS = 600
_TOO_OLD_SECONDS = 20
_MOMENT = "%Y-%m-%d %H:%M:%S"


class RedisPair:
    """The Redis that is used, and one that may take its place. Both keep an append-only file."""

    def __init__(self, primary: RunningServer, spare: RunningServer, links: tuple[TcpProxy, ...]) -> None:
        self.primary, self._spare, self._links = primary, spare, links
        self.parted = False
        """Whether the spare has parted, and is about to take over."""
        spare.stop()

    def part_replica(self) -> None:
        """The spare copies the primary, and hears nothing more from now on."""
        self.parted = True
        self._spare.erase()
        self._spare.start()
        copy = self._spare.client()
        copy.replicaof("127.0.0.1", str(self.primary.port))
        wait_until(lambda: copy.info("replication").get("master_link_status") == "up", "the replica has caught up")
        copy.replicaof("NO", "ONE")

    def fail_over(self) -> None:
        """The primary dies, the spare takes its place."""
        self.primary.kill()
        self.primary, self._spare = self._spare, self.primary
        self.parted = False
        self._aim()

    def reset(self) -> None:
        """Running, empty, and as configured."""
        if not self.primary.runs:
            self.primary.start()
        client = self.primary.client()
        client.flushall()
        client.config_set("maxmemory", "0")

    def _aim(self) -> None:
        for link in self._links:
            link.target = ("127.0.0.1", self.primary.port)


class Stage:
    """The servers of one lane. `cast` is there while a schedule is played."""

    cast: Cast

    def __init__(self, redis: RedisPair, databases: MariaDBPair, feed: FeedServer, links: dict[str, TcpProxy]) -> None:
        self.redis, self.databases, self.feed, self.links = redis, databases, feed, links
        self.database = ""
        self.history: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        """File name -> its contents so far as (ETag, decompressed bytes); the last is what is served at the end."""
        self.turns: dict[str, threading.Lock] = defaultdict(threading.Lock)
        """By a strike's target: one strikes at a time."""
        self._arrivals: dict[str, Arrival] = {}
        self._aged: Callable[[bytes], bytes] = _as_it_is
        """Gives the feed's records the age that they are to have."""
        self._numbers = itertools.count(1)

    def reset(self, plan: Plan) -> None:
        """A fresh database, an empty queue, an empty feed, links that do nothing."""
        self.heal()
        self.databases.ready(logs=any(each.fault == PROMOTED for each in plan.strikes))
        if self.database:
            self.mariadb.execute(f"DROP DATABASE {self.database}")
        self.database = f"chaos_{next(self._numbers)}"
        self.mariadb.create_database(self.database)
        self._aged = aged_by(plan) if plan.expires else _as_it_is
        if plan.expires:
            # Of two patterns that fit, the narrower one counts alone.
            rights = f"{documented_rights()}, DROP"
            self.mariadb.execute(f"GRANT {rights} ON `{self.database}`.* TO '{USER}'@'%'")
        self.redis.reset()
        self.feed.files.clear()
        self.history.clear()
        self._arrivals.clear()

    def heal(self) -> None:
        """Links and feed do what they should; the servers' faults end by themselves."""
        for link in self.links.values():
            link.heal()
        self.feed.heal()

    @property
    def mariadb(self) -> MariaDBServer:
        """The one that is used now."""
        return self.databases.primary

    @property
    def url(self) -> str:
        """The sink, past all links that faults strike, as its owner; whichever server it is then."""
        return f"mysql+pymysql://{self.mariadb.user}@127.0.0.1:{self.links[JUDGE_MARIADB].port}/{self.database}"

    @property
    def env(self) -> dict[str, str]:
        """The environment of the processes."""
        return {"DCP_SECRET_SINK_PASSWORD": self.mariadb.password}

    def arrive(self, arrival: Arrival) -> None:
        """A file appears in the feed."""
        self._arrivals[arrival.name] = arrival
        self._serve(arrival.name, self._aged(content(arrival.records, arrival.seed)), arrival.packed)

    def change(self, name: str) -> None:
        """A file has another content: half of its records, and others."""
        arrival = self._arrivals[name]
        old, version = arrival.records // 2, len(self.history[name])
        grown = content(old, arrival.seed) + b"".join(lines(arrival.records, arrival.seed + 50 + version))
        self._serve(name, self._aged(grown), arrival.packed)

    def withdraw(self, name: str, etag: str) -> None:
        """A file, if it is still this content, is no longer in the feed."""
        served = self.feed.files.get(name)
        if served is not None and served.etag == etag:
            del self.feed.files[name]

    def _serve(self, name: str, text: bytes, packed: bool) -> None:
        self.feed.put(name, gzip.compress(text, mtime=0) if packed else text)
        self.history[name].append((self.feed.files[name].etag or "", text))

    def write_spec(self, path: Path, plan: Plan, kind: str) -> Path:
        """The example's spec with short delays, on the links of a kind of process."""
        document = yaml.safe_load((EXAMPLES / "botnet.yaml").read_text())
        spec = document["spec"]
        http = spec["sources"][0]["http"]
        http |= {"url": f"http://127.0.0.1:{self.links[FETCHER_FEED].port}/feed/", "interval": "500ms", "timeout": "2s"}
        http["include"] = ["*.csv"]
        spec["cleaning"]["enrich"][0]["geoip"]["database"]["path"] = str(EXAMPLES / "country.mmdb")
        spec["fetcher"] = {"batch": {"maxRecords": plan.batch_records}}
        # Workers are killed here more often than a batch is declared dead for.
        spec["worker"] = {
            "concurrency": plan.concurrency,
            "maxCrashes": 100,
            "retryDelay": "200ms",
            "batchTimeout": "8s",
        }
        redis, mariadb = self.links[f"{kind}-redis"].port, self.links[f"{kind}-mariadb"].port
        spec["queue"] = {
            "lease": f"{LEASE_SECONDS}s",
            "maxBytes": str(plan.max_queue_bytes),
            "redis": {"url": f"redis://127.0.0.1:{redis}/0"},
        }
        sink: dict[str, Any] = {"url": f"mysql+pymysql://{USER}@127.0.0.1:{mariadb}/{self.database}", "table": TABLE}
        if plan.expires:
            sink["retention"] = {"by": "seen_at", "keep": f"{KEPT_SECONDS}s"}
        spec["sink"] = {"sql": {**sink, "password": {"secretKeyRef": {"name": "sink", "key": "password"}}}}
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path


def content(records: int, seed: int) -> bytes:
    """A file of the feed."""
    return HEADER.encode() + b"\n" + b"".join(lines(records, seed))


def aged_by(plan: Plan) -> Callable[[bytes], bytes]:
    """Moves the feed's times to about when rows expire, so that some records are too old when they come, and some of the
    others become so while the schedule is played: a minute of the feed is a second."""
    begins = datetime.now(UTC) - timedelta(seconds=KEPT_SECONDS + _TOO_OLD_SECONDS)
    first = datetime(2026, 10, 1) + timedelta(seconds=plan.seed * 100)

    def moved(found: re.Match[bytes]) -> bytes:
        since = datetime.strptime(found[0].decode(), _MOMENT) - first
        return (begins + since / 60).strftime(_MOMENT).encode()

    return lambda text: re.sub(rb"2026-10-\d\d \d\d:\d\d:\d\d", moved, text)


def _as_it_is(text: bytes) -> bytes:
    return text


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage whose servers end with the block."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(appendonly="yes"))
        spare = stack.enter_context(redis_server(appendonly="yes"))
        mariadb = stack.enter_context(mariadb_server(disk_bytes=_DISK_BYTES))
        mariadb.execute(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{mariadb.password}'")
        mariadb.execute(f"GRANT {documented_rights()} ON `chaos\\_%`.* TO '{USER}'@'%'")
        feed = stack.enter_context(feed_server())
        ports = {
            FETCHER_REDIS: redis.port,
            WORKER_REDIS: redis.port,
            FETCHER_MARIADB: mariadb.port,
            WORKER_MARIADB: mariadb.port,
            JUDGE_MARIADB: mariadb.port,
            FETCHER_FEED: feed.port,
        }
        links = {name: stack.enter_context(tcp_proxy("127.0.0.1", port)) for name, port in ports.items()}
        pair = RedisPair(redis, spare, (links[FETCHER_REDIS], links[WORKER_REDIS]))
        databases = MariaDBPair(
            mariadb,
            (links[FETCHER_MARIADB], links[WORKER_MARIADB], links[JUDGE_MARIADB]),
            lambda: stack.enter_context(mariadb_server(disk_bytes=_DISK_BYTES)),
        )
        yield Stage(pair, databases, feed, links)
