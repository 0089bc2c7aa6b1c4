"""Redis servers that stand in for each other, on loopback: one led by Sentinels, and a Cluster.

    with sentinel_set() as servers:             # a primary, two replicas, three Sentinels
        servers.url                             # redis+sentinel://...
        servers.kill_primary()
        servers.wait_for_another()
    with cluster(replicas_of=key) as servers:   # three masters, the one that has the key with a replica
        servers.owner(key).kill()
        servers.wait_for_another(key, than)
        servers.begin_move(key, to), move_keys(), end_move()

Every server is the machine's redis-server in a folder of its own, on a free port.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import redis
from redis.crc import key_slot

from support.redis_server import RunningServer, redis_server, sentinel_server
from support.waiting import wait_until

MASTER = "mymaster"
PATIENT = 120
"""Seconds: on a starved machine a failover is voted for more than once."""


class SentinelSet:
    """A primary, its replicas and their Sentinels."""

    def __init__(self, servers: list[RunningServer], sentinels: list[RunningServer]) -> None:
        self.servers, self.sentinels = servers, sentinels
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in sentinels)
        self.url = f"redis+sentinel://{hosts}/{MASTER}/0"

    @property
    def primary_port(self) -> int:
        """As the first Sentinel has it."""
        address = self.sentinels[0].client().execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return int(address[1])

    @property
    def primary(self) -> RunningServer:
        """The server."""
        port = self.primary_port
        return next(each for each in self.servers if each.port == port)

    def kill_primary(self) -> RunningServer:
        """SIGKILL; which one it was."""
        killed = self.primary
        killed.kill()
        return killed

    def wait_for_another(self, than: RunningServer) -> None:
        """Until another server is the primary, for all Sentinels and for itself."""

        def took_over() -> bool:
            ports = {
                int(each.client().execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])
                for each in self.sentinels
            }
            return than.port not in ports and len(ports) == 1 and self.primary.client().role()[0] == b"master"

        wait_until(took_over, "a replica is the primary", PATIENT, 0.05)


@contextmanager
def sentinel_set(replicas: int = 2, sentinels: int = 3, **settings: str | int) -> Iterator[SentinelSet]:
    """It is complete: the replicas have all, the Sentinels know each other."""
    with ExitStack() as stack:
        primary = stack.enter_context(redis_server(**settings))
        others = [
            stack.enter_context(
                redis_server(replicaof=f"127.0.0.1 {primary.port}", repl_diskless_sync_delay=0, **settings)
            )
            for _ in range(replicas)
        ]
        wait_until(lambda: _in_step(others), "the replicas follow", PATIENT, 0.05)
        watching = [stack.enter_context(sentinel_server(MASTER, primary.port)) for _ in range(sentinels)]
        found = SentinelSet([primary, *others], watching)

        def know_each_other() -> bool:
            states = [each.client().sentinel_master(MASTER) for each in watching]
            return all(
                (int(state["num-other-sentinels"]), int(state["num-slaves"])) == (sentinels - 1, replicas)
                for state in states
            )

        wait_until(know_each_other, "the Sentinels know each other", PATIENT, 0.05)
        yield found


def _in_step(replicas: list[RunningServer]) -> bool:
    return all(each.client().info("replication")["master_link_status"] == "up" for each in replicas)


class Cluster:
    """Masters, and replicas of some."""

    def __init__(self, servers: list[RunningServer]) -> None:
        self.servers = servers
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{each.port}" for each in servers)

    def owner(self, key: str, but: RunningServer | None = None) -> RunningServer:
        """Who has a key's slot, as another one than `but` sees it."""
        asked = next(each for each in self.servers if each is not but and each.runs)
        slot = key_slot(key.encode())
        for first, last, master, *_ in asked.client().execute_command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(each for each in self.servers if each.port == int(master[1]))
        raise AssertionError(f"nobody has slot {slot}")

    def client(self, key: str) -> redis.Redis:
        """Of the server that has a key."""
        return self.owner(key).client()

    def wait_for_another(self, key: str, than: RunningServer) -> RunningServer:
        """Until all that run agree on another master of the key's slot, and that all is well."""
        alive = [each for each in self.servers if each is not than]

        def took_over() -> bool:
            return self.owner(key, than) is not than and all(_is_whole(each) for each in alive)

        wait_until(took_over, "the replica is the master", PATIENT, 0.05)
        return self.owner(key, than)

    def begin_move(self, key: str, to: RunningServer) -> int:
        """From now on the slot is on its way; which one."""
        slot, source = key_slot(key.encode()), self.owner(key)
        to.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", _id(source))
        source.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", _id(to))
        return slot

    def move_keys(self, key: str, to: RunningServer, most: int = 1_000_000) -> int:
        """Keys of the slot, as many as there are; how many went."""
        slot, source, gone = key_slot(key.encode()), self.owner(key), 0
        while gone < most and (
            keys := source.client().execute_command("CLUSTER", "GETKEYSINSLOT", slot, min(100, most - gone))
        ):
            source.client().execute_command("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
            gone += len(keys)
        return gone

    def end_move(self, key: str, to: RunningServer) -> None:
        """The slot is there."""
        slot, source = key_slot(key.encode()), self.owner(key)
        for each in (to, source, *(other for other in self._masters() if other not in (to, source))):
            each.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", _id(to))

    def _masters(self) -> list[RunningServer]:
        return [each for each in self.servers if each.runs and each.client().role()[0] == b"master"]


@contextmanager
def cluster(masters: int = 3, replicas_of: str | None = None, **settings: str | int) -> Iterator[Cluster]:
    """All slots are covered; the master that has the key `replicas_of` has a replica."""
    replicas = 0 if replicas_of is None else 1
    with ExitStack() as stack:
        options: dict[str, str | int] = {
            "cluster_enabled": "yes",
            "cluster_node_timeout": 4000 if replicas else 60_000,
            **settings,
        }
        servers = [
            stack.enter_context(redis_server(repl_diskless_sync_delay=0, **options)) for _ in range(masters + replicas)
        ]
        for number, each in enumerate(servers):
            each.client().execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        first = servers[0].client()
        edges = [16384 * n // masters for n in range(masters + 1)]
        for each, (start, end) in zip(servers, pairwise(edges), strict=False):
            each.client().execute_command("CLUSTER", "ADDSLOTS", *range(start, end))
        for each in servers[1:]:
            first.execute_command("CLUSTER", "MEET", "127.0.0.1", each.port)
        wait_until(lambda: all(_knows(each, len(servers)) for each in servers), "they know each other", PATIENT, 0.05)
        wait_until(lambda: all(_is_whole(each) for each in servers), "the Cluster is whole", PATIENT, 0.05)
        found = Cluster(servers)
        if replicas_of is not None:
            servers[-1].client().execute_command("CLUSTER", "REPLICATE", _id(found.owner(replicas_of)))
            wait_until(lambda: _in_step(servers[masters:]), "the replica follows", PATIENT, 0.05)
        yield found


def _id(server: RunningServer) -> str:
    return str(server.client().execute_command("CLUSTER", "MYID").decode())


def _knows(server: RunningServer, count: int) -> bool:
    return int(_info(server)["cluster_known_nodes"]) == count


def _is_whole(server: RunningServer) -> bool:
    info = _info(server)
    return info["cluster_state"] == "ok" and info["cluster_slots_ok"] == "16384"


def _info(server: RunningServer) -> dict[str, str]:
    text = server.client().execute_command("CLUSTER", "INFO").decode()
    return dict(line.split(":") for line in text.splitlines() if ":" in line)
