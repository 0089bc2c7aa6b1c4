"""`spec.notify` to a real mail server and a real HTTP server: who is told what, how often, and what it costs the work."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dcp_cli.notify.letters import Letter
from dcp_cli.notify.sending import send
from dcp_cli.notify.services import Service
from support.botnet_feed import HEADER
from support.dcp_process import DcpProcess, dcp, served, write_spec
from support.listeners import mail_server, post_server, silent_server
from support.waiting import wait_until

GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"
BAD = GOOD.replace("8.8.8.8", "8.8.8.888")
PASSWORD = "correct horse/battery@staple"
SECRET_PATH = "T0AAAA/B1BBBB/hunter2hunter2"
LETTER = Letter("a title", "a text", "info")


def spec_with(folder: Path, url: str, notify: str, expect: str = "{maxRejected: 5%}") -> Path:
    spec = write_spec(folder / "feed.yaml", url)
    spec.write_text(spec.read_text() + f"  expect: {expect}\n  notify:\n{notify}")
    return spec


def mail_to(port: int, more: str = "") -> str:
    login = "username: dcp, password: {secretKeyRef: {name: mail, key: password}}"
    smtp = f"{{host: 127.0.0.1, port: {port}, security: none, {login}}}"
    return f"    - {{email: {{to: [night@example.org], from: dcp@example.org, smtp: {smtp}}}{more}}}\n"


def feed_of(folder: Path, *lines: str) -> Path:
    feed = folder / "feed"
    feed.mkdir(exist_ok=True)
    (feed / "a.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return feed


def test_a_run_tells_by_mail_and_by_post_once_and_when_it_is_over(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, GOOD, BAD, BAD)
    with served(feed) as url, mail_server(PASSWORD) as box, post_server() as posts:
        hook = "    - {webhook: {secretKeyRef: {name: hook, key: url}}, on: [rejects, recovered]}\n"
        spec = spec_with(tmp_path, url, mail_to(box.port) + hook)
        env = {
            "DCP_SECRET_MAIL_PASSWORD": PASSWORD,
            "DCP_SECRET_HOOK_URL": f"{posts.url}/{SECRET_PATH}?key=abc",
            "LOG_LEVEL": "debug",
        }
        code, first = dcp(tmp_path, "run", str(spec), "--once", env=env)
        assert code == 1, first.err()
        (letter,) = box.letters
        assert (letter["to"], letter["from"]) == ("night@example.org", "dcp@example.org")
        assert letter["subject"] == "dcp default/botnet: rejects"
        body = letter.get_body()
        assert body is not None
        assert "66.7% of 3 in" in body.get_content()
        assert box.logins[-1] == ("dcp", PASSWORD)
        ((path, posted),) = posts.taken
        assert path == f"/{SECRET_PATH}?key=abc"
        assert (posted["title"], posted["type"]) == ("dcp default/botnet: rejects", "failure")

        code, again = dcp(tmp_path, "run", str(spec), "--once", env=env)
        assert (code, len(box.letters), len(posts.taken)) == (1, 1, 1), "told once, not at each run"

        with sqlite3.connect(tmp_path / "botnet.db") as database:
            database.execute("UPDATE dcp_batches SET written = 3, rejected = 0")
        database.close()
        code, over = dcp(tmp_path, "run", str(spec), "--once", env=env)
        assert code == 0, over.err()
        assert [each["subject"] for each in box.letters[1:]] == ["dcp default/botnet: rejects is over"]
        assert [posted["type"] for _, posted in posts.taken[1:]] == ["success"]
    said = "".join(each.out() + each.err() for each in (first, again, over))
    for secret in (PASSWORD, "hunter2", "T0AAAA"):
        assert secret not in said
        assert secret not in "".join(path.read_text() for path in tmp_path.rglob("notices.json"))


def test_a_hundred_files_that_cannot_be_read_are_one_message(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, GOOD)
    for n in range(100):
        (feed / f"torn-{n}.csv.gz").write_bytes(b"\x1f\x8b\x08\x00torn")
    with served(feed) as url, post_server() as posts:
        spec = spec_with(tmp_path, url, f"    - {{webhook: {{url: '{posts.url}/'}}}}\n")
        code, process = dcp(tmp_path, "run", str(spec), "--once")
        assert code == 1, process.err()
        assert [posted["title"] for _, posted in posts.taken] == ["dcp default/botnet: unavailable"]
        assert "100 objects could not be read whole" in posts.taken[0][1]["message"]


def test_a_service_that_hangs_or_refuses_is_said_and_holds_up_nobody(tmp_path: Path) -> None:
    with silent_server() as port, post_server() as posts, mail_server(PASSWORD) as box:
        wrong = Service(
            "mail", f"mailto://me:wrong-word@127.0.0.1:{box.port}?from=a@b.example&to=c@d.example&mode=insecure"
        )
        hung = Service("hung", f"mailto://127.0.0.1:{port}/?from=a@b.example&to=c@d.example&mode=insecure")
        good = Service("good", posts.url.replace("http", "json"))
        # The library alone takes seconds to load on a starved machine; the silent server would hold a call for ever.
        answers = send([(hung, LETTER), (good, LETTER), (wrong, LETTER), (Service("odd", "nonsense://"), LETTER)], 45.0)
        assert answers[1] is None
        assert [bool(each) for each in answers] == [True, False, True, True]
        assert "wrong-word" not in str(answers)
        assert len(posts.taken) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_sent_on_to_another_address(status: int) -> None:
    with post_server() as posts, post_server() as inside:
        posts.status, posts.location = status, f"{inside.url}/latest/meta-data"
        (said,) = send([(Service("hook", posts.url.replace("http", "json")), LETTER)], 60.0)
        assert str(status) in str(said)
        assert (len(posts.taken), inside.taken) == (1, [])


def test_an_answer_without_an_end_takes_no_more_memory_than_a_message_may() -> None:
    with post_server() as posts:
        posts.answers_bytes = 1 << 30
        (said,) = send([(Service("hook", posts.url.replace("http", "json")), LETTER)], 120.0)
        assert said == "its answer has no end"
        assert posts.answered_bytes < posts.answers_bytes


def test_a_sink_that_cannot_be_used_is_told_by_a_run_that_cannot_begin_and_once(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, GOOD)
    with served(feed) as url, post_server() as posts:
        spec = spec_with(tmp_path, url, f"    - {{webhook: {{url: '{posts.url}/'}}, on: [sinkDown, recovered]}}\n")
        for _ in range(2):
            sink = "mysql+pymysql://nobody@127.0.0.1:1/clean"
            code, process = dcp(tmp_path, "run", str(spec), "--once", "--sink", sink)
            assert code == 1, process.err()
        assert [posted["title"] for _, posted in posts.taken] == ["dcp default/botnet: sinkDown"]
        code, process = dcp(tmp_path, "run", str(spec), "--once")
        assert code == 0, process.err()
        assert posts.taken[-1][1]["title"] == "dcp default/botnet: sinkDown is over"


def test_a_service_tells_while_it_runs_and_goes_on_with_a_notifier_that_hangs(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, GOOD, BAD)
    with served(feed) as url, silent_server() as port, post_server() as posts:
        quiet = spec_with(tmp_path, url, f"    - {{webhook: {{url: '{posts.url}/'}}, on: [stale]}}\n")
        assert dcp(tmp_path, "run", str(quiet), "--once")[0] == 1
        assert posts.taken == []
        hung = f"    - {{webhook: {{url: 'http://127.0.0.1:{port}/'}}}}\n"
        spec = spec_with(tmp_path, url, f"    - {{webhook: {{url: '{posts.url}/'}}}}\n{hung}")
        running = DcpProcess(tmp_path, "run", str(spec))
        try:
            (feed / "b.csv").write_text("\n".join([HEADER, GOOD.replace("8.8.8.8", "9.9.9.9")]) + "\n")
            wait_until(lambda: len(posts.taken) == 1, "a message", 120)
            assert "rejects" in posts.taken[0][1]["title"]
        finally:
            assert running.terminate(120) == 0, running.err()


def test_notify_is_tried_and_looked_at_by_hand(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, GOOD, BAD)
    with served(feed) as url, mail_server(PASSWORD) as box, post_server() as posts:
        plain = write_spec(tmp_path / "plain.yaml", url)
        assert dcp(tmp_path, "run", str(plain), "--once")[0] == 0
        spec = spec_with(tmp_path, url, mail_to(box.port) + f"    - {{webhook: {{url: '{posts.url}/'}}}}\n")
        env = {"DCP_SECRET_MAIL_PASSWORD": PASSWORD}
        code, process = dcp(tmp_path, "notify", "test", str(spec), env=env)
        assert (code, process.out().count("sent ")) == (0, 2), process.out()
        assert [each["subject"] for each in box.letters] == ["dcp default/botnet: test"]
        code, process = dcp(tmp_path, "notify", "test", str(spec))
        assert code == 1
        assert "FAILED  email to night@example.org: secret mail, key password" in process.out()
        posts.status = 500
        code, process = dcp(tmp_path, "notify", "look", str(spec), env=env)
        assert (code, box.letters[-1]["subject"]) == (1, "dcp default/botnet: rejects")
        assert "NOT TOLD  webhook 127.0.0.1" in process.out()
        posts.status = 200
        code, process = dcp(tmp_path, "notify", "look", str(spec), env=env)
        assert (code, len(box.letters), posts.taken[-1][1]["title"]) == (0, 3 - 1, "dcp default/botnet: rejects")
        code, process = dcp(tmp_path, "notify", "test", str(plain))
        assert code == 1
        assert "the spec tells nobody" in process.err()
