"""The commands as scripts and people use them: exit codes, one JSON object, messages that say what to mend."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from support.botnet_feed import HEADER, write_feed
from support.dcp_process import EXAMPLES, DcpProcess, dcp, served, write_spec
from support.mariadb_server import shared_mariadb
from support.redis_server import redis_server
from support.waiting import wait_until

GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"


def feed_of(folder: Path, *lines: str, name: str = "a.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([HEADER, *lines]) + "\n")
    return folder


def rows(database: Path, query: str) -> list[tuple]:
    with sqlite3.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_help_teaches_and_names_the_exit_codes(tmp_path: Path) -> None:
    code, process = dcp(tmp_path, "--help")
    assert code == 0
    assert "dcp run examples/botnet.yaml --once" in process.out()
    assert "130 interrupted" in process.out()


@pytest.mark.parametrize("command", [["validate"], ["run", "--once"], ["verify"], ["worker"], ["fetcher"]])
def test_an_invalid_spec_exits_2_and_names_the_path(tmp_path: Path, command: list[str]) -> None:
    spec = tmp_path / "bad.yaml"
    spec.write_text((EXAMPLES / "botnet.yaml").read_text().replace("maxAttempts: 3", "maxAttempt: 3"))
    code, process = dcp(tmp_path, command[0], str(spec), *command[1:])
    assert code == 2
    assert "spec.worker.maxAttempt: is not a known field; did you mean 'maxAttempts'?" in process.err()


def test_validate_answers_in_json(tmp_path: Path) -> None:
    code, process = dcp(tmp_path, "validate", str(EXAMPLES / "botnet.yaml"), "-o", "json")
    assert (code, process.answer()["valid"]) == (0, True)


def test_validate_says_what_run_would_refuse_when_it_compiles_the_plan(tmp_path: Path) -> None:
    spec = tmp_path / "bad.yaml"
    text = (EXAMPLES / "botnet.yaml").read_text().replace("%Y-%m-%d %H", "%Q %H")
    spec.write_text(text.replace("encoding: utf-8", "encoding: gbk").replace('delimiter: ","', 'delimiter: "|"'))
    code, process = dcp(tmp_path, "validate", str(spec), "-o", "json")
    problems = {each["path"]: each["message"] for each in process.answer()["problems"]}
    assert (code, process.answer()["valid"]) == (2, False)
    assert "%Q is not supported" in problems["spec.cleaning.fields[0].format"]
    assert any(path.startswith("spec.sources[0].format.") for path in problems)


def test_preview_writes_nothing_and_shows_why(tmp_path: Path) -> None:
    folder = feed_of(tmp_path / "feed", GOOD, GOOD.replace("8.8.8.8", "8.8.8.888"), GOOD)
    with served(folder) as url:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=f"sqlite:///{tmp_path}/never.db")
        code, process = dcp(tmp_path, "preview", str(spec), "-n", "5", "-o", "json")
    assert code == 0, process.err()
    first, second, third = process.answer()["sources"][0]["records"]
    assert first["row"]["family"] == "mirai"
    assert (second["reject"]["code"], second["reject"]["field"]) == ("type-error", "src_ip")
    assert "8.8.8.888" in second["reject"]["reason"]
    assert third["duplicate"]
    assert not (tmp_path / "never.db").exists()


def test_a_run_without_a_sink_writes_sqlite_beside_the_caller(tmp_path: Path) -> None:
    folder = feed_of(tmp_path / "feed", GOOD)
    with served(folder) as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        code, process = dcp(tmp_path, "run", str(spec), "--once")
    assert code == 0, process.err()
    assert "balanced" in process.out()
    assert rows(tmp_path / "botnet.db", "SELECT family, src_country IS NOT NULL FROM botnet") == [("mirai", 1)]


def test_rejects_are_listed_exported_and_replayed_once_the_rule_is_mended(tmp_path: Path) -> None:
    long = GOOD.replace("Mirai", "x" * 120).replace("10:00:00", "10:00:01")
    formula = GOOD.replace("2026-10-01 10:00:00", "=cmd()")
    folder = feed_of(tmp_path / "feed", GOOD, long, formula)
    database = tmp_path / "clean.db"
    with served(folder) as url:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=f"sqlite:///{database}")
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert (code, process.answer()["rejected"]) == (0, 2)
    code, listing = dcp(tmp_path, "rejects", "ls", str(spec), "--code", "constraint-error", "-o", "json")
    (reject,) = listing.answer()["rejects"]
    assert (reject["record"], reject["line"], reject["field"], reject["raw"]) == (2, 3, "family", long)
    code, export = dcp(tmp_path, "rejects", "export", str(spec))
    assert "'=cmd()" in export.out()
    spec.write_text(spec.read_text().replace("maxLength: 100", "maxLength: 200"))
    code, mismatch = dcp(tmp_path, "rejects", "replay", str(spec), "-o", "json")
    assert code == 0, mismatch.err()
    assert mismatch.answer() | {"balanced": True} == {
        "replayed": 2, "written": 1, "duplicates": 0, "filtered": 0, "rejected": 1, "cut_off": 0, "pending": 0,
        "replaced": 0, "balanced": True,
    }  # fmt: skip
    code, verification = dcp(tmp_path, "verify", str(spec), "-o", "json")
    assert (code, verification.answer()["written"], verification.answer()["rejected"]) == (0, 2, 1)
    code, again = dcp(tmp_path, "rejects", "replay", str(spec), "-o", "json")
    assert again.answer()["written"] == 0


def test_a_replay_beside_a_pipeline_at_work_is_done_and_one_on_spoilt_books_has_failed(tmp_path: Path) -> None:
    folder = feed_of(tmp_path / "feed", GOOD, GOOD.replace("Mirai", "x" * 120))
    database = tmp_path / "clean.db"
    with served(folder) as url:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=f"sqlite:///{database}")
        dcp(tmp_path, "run", str(spec), "--once")
    rows(
        database,
        "INSERT INTO dcp_batches (id, pipeline, object_id, kind, sequence, start, end, records, first_record, "
        "first_line, digest, state, created_at) SELECT 'next', pipeline, object_id, kind, 1, end, end + 9, 1, 3, 4, "
        "'d', 'cut', created_at FROM dcp_batches",
    )
    code, replay = dcp(tmp_path, "rejects", "replay", str(spec), "-o", "json")
    assert (code, replay.answer()["pending"], replay.answer()["balanced"]) == (0, 1, False)
    rows(database, "UPDATE dcp_batches SET written = 5 WHERE sequence = 0")
    code, replay = dcp(tmp_path, "rejects", "replay", str(spec), "-o", "json")
    assert code == 1


def test_verify_names_the_object_that_does_not_balance(tmp_path: Path) -> None:
    folder = feed_of(tmp_path / "feed", GOOD, GOOD.replace("8.8.8.8", "9.9.9.9"))
    database = tmp_path / "clean.db"
    with served(folder) as url:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=f"sqlite:///{database}")
        dcp(tmp_path, "run", str(spec), "--once")
    rows(database, "DELETE FROM botnet WHERE src_ip = '9.9.9.9'")
    code, process = dcp(tmp_path, "verify", str(spec))
    assert code == 1
    assert "a.csv" in process.out()
    assert "do NOT balance" in process.out()


def test_a_second_run_of_the_same_pipeline_here_is_refused(tmp_path: Path) -> None:
    folder = feed_of(tmp_path / "feed", GOOD)
    with served(folder) as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        first = DcpProcess(tmp_path, "run", str(spec))
        try:
            wait_until(lambda: (tmp_path / "state" / "default.botnet" / "redis-url").exists(), "the run is up")
            code, second = dcp(tmp_path, "run", str(spec), "--once")
            assert code == 75
            assert f"process {first.process.pid}" in second.err()
            code, status = dcp(tmp_path, "status", str(spec), "-o", "json")
            assert code == 0, status.err()
            assert status.answer()["queue"] is not None
        finally:
            assert first.terminate() == 0


def test_a_run_that_is_told_twice_to_stop_leaves_at_once_and_the_next_one_does_the_rest(tmp_path: Path) -> None:
    with served(feed_of(tmp_path / "feed", GOOD)) as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        process = DcpProcess(tmp_path, "run", str(spec))
        address = tmp_path / "state" / "default.botnet" / "redis-url"
        wait_until(lambda: address.exists() and "objects looked at" in process.err(), "the run is at work")
        server = Path(address.read_text().removeprefix("unix://"))
        for number in (signal.SIGTERM, signal.SIGINT):
            process.process.send_signal(number)
        assert process.wait(60) == 130
        assert "leaving at once" in process.err()
        wait_until(lambda: not answers(server), "the embedded server's end")
        code, again = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert (code, again.answer()["written"]) == (0, 1)


def answers(server: Path) -> bool:
    """Whether something listens at a unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(server)) == 0


def test_a_file_left_in_the_inbox_is_cleaned_and_its_progress_told(tmp_path: Path) -> None:
    folder = feed_of(tmp_path / "feed", GOOD)
    extra = feed_of(tmp_path / "extra", GOOD.replace("8.8.8.8", "9.9.9.9"), name="one.csv")
    database = tmp_path / "clean.db"
    with served(folder) as url, served(extra) as extra_url, redis_server() as server:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=f"sqlite:///{database}", redis=server.url)
        allowed = extra_url.removeprefix("http://").rstrip("/")
        spec.write_text(spec.read_text().replace("interval: 60s", f'allow: ["{allowed}"]\n        interval: 60s'))
        env = {"QUEUE_NAME": "file-processing"}
        server.client().lpush("file-processing", json.dumps({"url": f"{extra_url}one.csv", "priority": 1}))
        server.client().lpush("file-processing", "no json")
        code, submitted = dcp(tmp_path, "submit", str(spec), f"{extra_url}missing.csv", "-o", "json", env=env)
        assert (code, submitted.answer()["inbox"]) == (0, 3)
        dcp(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
        assert server.client().llen("file-processing") == 0
        code_queue, queue = dcp(tmp_path, "queue", str(spec), "-o", "json", env=env)
    assert sorted(rows(database, "SELECT src_ip FROM botnet")) == [("8.8.8.8",), ("9.9.9.9",)]
    assert code_queue == 0
    states = sorted(task.get("state", "") for task in queue.answer()["tasks"])
    assert states == ["done", "failed", "failed"]


def test_secrets_appear_in_no_output_and_no_command_line(tmp_path: Path) -> None:
    server = shared_mariadb()
    secret = server.password
    folder = tmp_path / "feed"
    write_feed(folder, 2_000, files=1, seed=3)
    with served(folder) as url, redis_server() as queue:
        queue.client().config_set("requirepass", secret)
        sink = server.create_database("secrets")
        spec = write_spec(tmp_path / "spec.yaml", url, sink=sink)
        password = ", password: {secretKeyRef: {name: redis, key: password}}"
        spec.write_text(spec.read_text() + f'  queue: {{redis: {{url: "{queue.url}"{password}}}}}\n')
        env = {"DCP_SECRET_SINK_PASSWORD": secret, "DCP_SECRET_REDIS_PASSWORD": secret, "LOG_LEVEL": "debug"}
        process = DcpProcess(tmp_path, "run", str(spec), "--once", env=env)
        wait_until(lambda: "cut" in process.err() or process.process.poll() is not None, "it works")
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
        assert process.wait() == 0, process.err()
        wrong = {**env, "DCP_SECRET_SINK_PASSWORD": secret + "-wrong"}
        code, refused = dcp(tmp_path, "run", str(spec), "--once", env=wrong)
    assert code == 1
    assert "mend the sink's URL, user, password" in refused.err()
    assert not [line for line in lines if secret.encode() in line]
    for each in (process, refused):
        assert secret not in each.out() + each.err()


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_a_fetcher_does_not_say_done_while_an_object_is_unavailable(tmp_path: Path) -> None:
    feed_of(tmp_path / "feed", GOOD)
    (tmp_path / "feed" / "damaged.csv").write_bytes(b"\x1f\x8b\x08\0" + bytes(40))
    with redis_server() as queue, served(tmp_path / "feed") as url:
        write_spec(tmp_path / "spec.yaml", url, redis=queue.url)
        for run in ("it is read", "it is known"):
            code, process = dcp(tmp_path, "fetcher", "spec.yaml", "--once", "--health-port", "0")
            assert (code, process.err().count("not read: ")) == (1, 1), (run, process.err())
            assert "damaged.csv" in process.err()


def test_a_queue_of_another_pipeline_is_one_clear_message(tmp_path: Path) -> None:
    feed_of(tmp_path / "feed", GOOD)
    with redis_server() as queue, served(tmp_path / "feed") as url:
        text = write_spec(tmp_path / "mine.yaml", url, redis=queue.url).read_text()
        text = text.replace("queue: {", "queue: {name: shared, ")
        (tmp_path / "mine.yaml").write_text(text)
        (tmp_path / "other.yaml").write_text(text.replace("name: botnet", "name: other", 1))
        assert dcp(tmp_path, "fetcher", "mine.yaml", "--once", "--health-port", "0")[0] == 0
        code, process = dcp(tmp_path, "fetcher", "other.yaml", "--once", "--health-port", "0")
    assert code == 1
    assert "dcp: queue shared belongs to pipeline default/botnet, not default/other" in process.err()
    assert "Traceback" not in process.err()
