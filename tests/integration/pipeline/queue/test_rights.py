"""An ACL user with exactly the documented rule works; one that lacks anything is told what, before it works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import redis

from dcp_cli.forget.queue import forget_keys
from dcp_operator.scaling.queues import UNREADABLE, QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server
from dcp_pipeline.ledger import connect as connect_ledger
from dcp_pipeline.observe.scaling_note import ScalingNote
from dcp_pipeline.queue import Inbox, Job, Queue, check_server, connect
from dcp_pipeline.queue.connection import refuses
from dcp_pipeline.queue.rights import ON_KEYS, SESSION, TO_LOOK, Forbidden, check_rights, rule
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.oracle import expect
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES, DcpProcess, dcp, served, write_spec
from support.redis_server import RunningServer, redis_server, valkey_server
from support.waiting import wait_until

NAME = "default.botnet"
PASSWORD = "word-of-the-user"
DOCS = Path(__file__).parents[4] / "docs/queue.md"


@pytest.fixture(scope="module", params=[redis_server, valkey_server], ids=["redis", "valkey"])
def guarded(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with request.param() as server:
        yield server


@pytest.fixture
def one_guarded() -> Iterator[RunningServer]:
    with redis_server() as server:
        yield server


def let(server: RunningServer, rules: str) -> None:
    """Exactly these, for the user of the rule."""
    words = rules.split()
    client = server.client()
    client.execute_command(*words[:3], "reset", "on", f">{PASSWORD}", *words[3:])


def without(rules: str, *words: str) -> str:
    left = [each for each in rules.split() if each not in words]
    assert len(left) == len(rules.split()) - len(words)
    return " ".join(left)


def as_user(server: RunningServer) -> redis.Redis:
    return connect(server.url, "dcp", PASSWORD)


def test_the_rule_of_the_docs_is_the_one_that_is_tried() -> None:
    text = re.sub(r"\s+", " ", DOCS.read_text())
    assert rule("dcp", "demo.botnet") in text
    assert rule("operator", "demo.botnet", TO_LOOK) in text


def test_whatever_a_script_calls_is_in_the_rule_and_is_tried() -> None:
    folder = resources.files("dcp_pipeline.queue") / "lua"
    scripts = {each.name: each.read_text() for each in folder.iterdir() if each.name.endswith(".lua")}
    tried = {each.lower() for each in re.findall(r"'([A-Z]+)'", scripts.pop("rights.lua"))}
    called = {each.lower() for text in scripts.values() for each in re.findall(r"redis\.p?call\('([A-Z]+)'", text)}
    assert called <= set(ON_KEYS) == tried | {"blpop"}


def test_with_exactly_the_rule_everything_goes_and_nothing_is_left(guarded: RunningServer) -> None:
    let(guarded, rule("dcp", NAME))
    client = as_user(guarded)
    assert check_server(client, NAME) == []
    assert guarded.client().keys("*") == []
    queue, inbox = Queue(client, NAME, pipeline="p"), Inbox(client, NAME)
    queue.own()
    queue.enqueue([Job(id=each, payload=b"x", priority=5, pipeline="p") for each in "abc"])
    inbox.push(b"{}")
    assert inbox.pop_if(b"{}")
    inbox.put_task("t", {"state": "new"})
    assert inbox.expire_task("t", 60)
    first, second, third = queue.exchange("w/1", [], 3).leases
    assert queue.extend([first]) == frozenset()
    assert queue.bury(second, "no use")
    queue.hand_back([third])
    queue.exchange("w/1", [first], 0)
    assert (queue.mend().gone, queue.present(["b"]), queue.requeue_dead(["b"])) == (0, {"b"}, 1)
    queue.wait(0.05)
    assert [each.id for each in queue.dead_letters()] == []
    queue.drop()
    inbox.drop()
    with pytest.raises(Forbidden, match="run FLUSHALL"):
        client.flushall()
    with pytest.raises(Forbidden, match=r"touch \{another\}:meta"):
        client.hget("{another}:meta", "pipeline")


@pytest.mark.parametrize("command", ["zadd", "hsetnx", "blpop", "del", "time", "pexpire"])
def test_a_command_that_is_missing_is_named_before_any_work(guarded: RunningServer, command: str) -> None:
    let(guarded, without(rule("dcp", NAME), f"+{command}"))
    client = as_user(guarded)
    with pytest.raises(
        Forbidden, match=rf"'dcp' may not run {command.upper()}( on the keys of default.botnet)?:"
    ) as caught:
        check_rights(client, NAME)
    assert refuses(caught.value)
    assert PASSWORD not in str(caught.value)
    assert guarded.client().keys("*") == []


@pytest.mark.parametrize("command", ["eval", "evalsha", "client|setname", "info"])
def test_a_command_of_the_session_that_is_missing_is_named_too(guarded: RunningServer, command: str) -> None:
    guarded.client().script_flush()
    let(guarded, without(rule("dcp", NAME), f"+{command}"))
    with pytest.raises(redis.exceptions.NoPermissionError, match=f"(?i){command.replace('|', '.')}"):
        check_server(as_user(guarded), NAME)


def test_keys_that_are_missing_are_named(guarded: RunningServer) -> None:
    let(guarded, without(rule("dcp", NAME), f"~{NAME}"))
    with pytest.raises(Forbidden, match=f"touch .*{NAME}"):
        check_rights(as_user(guarded), NAME)
    let(guarded, rule("dcp", "another"))
    with pytest.raises(Forbidden, match=rf"touch .*\{{{NAME}\}}:never"):
        check_rights(as_user(guarded), NAME)


def test_a_script_that_is_refused_a_command_names_it(guarded: RunningServer) -> None:
    let(guarded, without(rule("dcp", NAME), "+hsetnx", "+zcard"))
    queue = Queue(as_user(guarded), NAME, pipeline="p")
    for call, command in ((queue.own, "HSETNX"), (queue.stats, "ZCARD")):
        with pytest.raises(Forbidden, match=f"'dcp' may not run {command}:"):
            call()


async def test_the_operator_reads_a_backlog_with_a_user_that_only_looks(one_guarded: RunningServer) -> None:
    queue = Queue(one_guarded.client(), NAME, pipeline="p")
    queue.enqueue([Job(id=each, payload=b"x", priority=5, pipeline="p") for each in "abc"])
    let(one_guarded, rule("operator", NAME, TO_LOOK))
    reader = QueueReader(Reach(("127.0.0.1",)))
    server = Server(one_guarded.url, "operator", PASSWORD)
    try:
        seen = (await reader.read(server, [NAME]))[NAME]
        assert seen.stats is not None
        assert seen.stats.backlog == 3
        for writes in (
            reader.ask_to_go(server, NAME, ["w"], 1),
            reader.leave_notes(server, {NAME: ScalingNote(at=1.0, replicas=1, cause="x", reason="y")}),
        ):
            with pytest.raises(UNREADABLE, match="the server refuses"):
                await writes
        let(one_guarded, without(rule("operator", NAME, TO_LOOK), "+hgetall"))
        refused = (await reader.read(server, [NAME]))[NAME]
        assert (refused.stats, refused.error) == (None, "the server refuses: NOPERM (HGETALL)")
    finally:
        reader.close()


def test_a_pipeline_runs_with_exactly_the_rule_and_waits_where_it_has_less(
    one_guarded: RunningServer, tmp_path: Path
) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    expected = expect(write_feed(feed, 2_000, files=2, seed=3), EXAMPLES / "country.mmdb")
    let(one_guarded, without(rule("dcp", NAME), "+zrem"))
    with served(feed) as url:
        redis_url = one_guarded.url.replace("//", "//dcp@")
        sink = f"sqlite:///{tmp_path}/clean.db"
        spec = write_spec(tmp_path / "spec.yaml", url, sink=sink, redis=redis_url, max_records=200)
        env = {"REDIS_PASSWORD": PASSWORD}
        code, doctor = dcp(tmp_path, "doctor", str(spec), "-o", "json", env=env)
        (told,) = [each for each in doctor.answer()["findings"] if each["about"] == "queue.rights"]
        assert (code, "ZREM" in told["says"], told["mend"]) == (1, True, rule("dcp", NAME))
        worker = DcpProcess(tmp_path, "worker", str(spec), "--health-port", "0", env=env)
        wait_until(lambda: "may not run ZREM" in worker.err(), "the worker waits", 120)
        assert one_guarded.client().keys("*") == []
        let(one_guarded, rule("dcp", NAME))
        assert worker.terminate() == 0
        process = DcpProcess(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
        assert process.wait() == 0, process.err()
        assert PASSWORD not in process.err() + worker.err() + doctor.out()
    assert_totals(process.answer(), expected)
    assert_equals_oracle(connect_ledger(sink), expected)
    assert len(SESSION) == len(set(SESSION)), "nothing twice"


def test_a_user_of_the_rule_may_have_the_queue_forgotten(one_guarded: RunningServer) -> None:
    let(one_guarded, rule("dcp", NAME))
    client = as_user(one_guarded)
    queue = Queue(client, NAME, pipeline="default/botnet")
    queue.enqueue([Job("a", b"x", pipeline="default/botnet"), Job("b", b"y", pipeline="default/botnet")])
    Inbox(client, NAME).push("{}")
    queue.bury(queue.exchange("w", [], 1).leases[0], "of no use")
    assert forget_keys(queue, client) == {"queued": 1, "dead": 1, "inbox": 1}
    assert one_guarded.client().keys("*") == []
    client.close()
