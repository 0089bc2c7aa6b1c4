"""Pipelines of one `dcp up` with one database that is away: one message, by real servers, whoever is killed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from dcp_cli.notify.letters import Letter
from dcp_cli.notify.notifier import Notifier
from dcp_cli.notify.sending import send
from dcp_cli.notify.services import Service
from dcp_pipeline.ledger.looking.arrivals import Arrivals
from dcp_pipeline.ledger.looking.sight import Sight
from dcp_pipeline.observe.lookout import Looked
from dcp_pipeline.setup import load_setup
from support.listeners import mail_server, post_server

REFUSED = "(2003, \"Can't connect to MySQL server on 'db.example.org' ([Errno 111] Connection refused)\")"
SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: {name}}}
spec:
  sources: [{{name: feed, file: {{path: feed}}}}]
  cleaning: {{fields: [{{name: n, type: integer}}], unique: [n]}}
  sink: {{sql: {{url: "mysql+pymysql://{name}@{host}/clean", table: table_of_{name}}}}}
  notify:
{notify}
"""
WELL = Sight(came=Arrivals(datetime(2026, 11, 29), None, {}, 0))


def patiently(letters: Sequence[tuple[Service, Letter]]) -> list[str | None]:
    """As ever, on a machine that is starved."""
    return send(letters, 300.0)


class Pipelines:
    """Each with a notifier of its own, as it has in a process of its own; the clock is ours."""

    def __init__(self, folder: Path, notify: str, hosts: Mapping[str, str]) -> None:
        self.now, self._folder, self._notify, self._hosts = 1_000_000.0, folder, notify, hosts
        self.notifiers = {name: self.started(name) for name in hosts}

    def started(self, name: str) -> Notifier:
        """As after its start."""
        spec = self._folder / f"{name}.yaml"
        spec.write_text(SPEC.format(name=name, notify=self._notify, host=self._hosts[name]))
        setup = load_setup(spec, {"DCP_STATE_DIR": str(self._folder / "state")})
        return Notifier(setup, str(spec), clock=lambda: self.now, together=self._folder / "up", send_all=patiently)

    def look(self, later: float, *names: str, why: str | None = REFUSED) -> None:
        """Time passes, and these look: at what is wrong, or at nothing."""
        self.now += later
        for name in names or self.notifiers:
            seen = Looked(self.now, None, why.format(name=name)) if why else Looked(self.now, WELL)
            self.notifiers[name].round(seen, sources={})


def test_ten_pipelines_whose_database_is_away_are_one_message_and_one_when_it_is_back(tmp_path: Path) -> None:
    hosts = dict.fromkeys((f"p{n}" for n in range(10)), "db.example.org") | {"other": "elsewhere.example.org:3307"}
    with post_server() as posts, mail_server() as box:
        smtp = f"smtp: {{host: 127.0.0.1, port: {box.port}, security: none}}"
        mail = f"    - email: {{to: [night@example.org], from: dcp@example.org, {smtp}}}"
        all_of_them = Pipelines(
            tmp_path, f"    - webhook: {{url: '{posts.url}/'}}\n      again: 2h\n{mail}\n      again: 2h", hosts
        )
        all_of_them.look(0)
        all_of_them.look(30)
        assert posts.taken == [], "not settled yet"
        all_of_them.look(40)
        titles = [posted["title"] for _, posted in posts.taken]
        assert titles == ["dcp 10 pipelines: sinkDown", "dcp default/other: sinkDown"]
        assert [each["subject"] for each in box.letters] == titles, "to each service"
        message = posts.taken[0][1]["message"]
        assert all(f"default/{name}" in message for name in hosts if name != "other")
        assert message.count("Connection refused") == 1
        for name in hosts:
            all_of_them.notifiers[name] = all_of_them.started(name)
        all_of_them.look(60)
        assert len(posts.taken) == 2, "a restart tells nothing anew"
        for _ in range(5):
            all_of_them.look(1500)
        assert [posted["title"] for _, posted in posts.taken[2:]] == titles, "again after a while"
        all_of_them.look(60, "p0", "p1", "other", why=None)
        assert [posted["title"] for _, posted in posts.taken[4:]] == ["dcp default/other: sinkDown is over"]
        all_of_them.look(60, why=None)
        assert [posted["title"] for _, posted in posts.taken[5:]] == ["dcp 10 pipelines: sinkDown is over"]


def test_a_table_that_does_not_fit_is_its_pipelines_own_trouble(tmp_path: Path) -> None:
    with post_server() as posts:
        two = Pipelines(tmp_path, f"    - webhook: {{url: '{posts.url}/'}}", {"a": "db", "b": "db"})
        two.look(0, why="table table_of_{name} has no column n")
        two.look(70, why="table table_of_{name} has no column n")
        assert [posted["title"] for _, posted in posts.taken] == [f"dcp default/{n}: sinkDown" for n in "ab"]


def test_a_service_that_refuses_is_told_later_by_whoever_looks_first(tmp_path: Path) -> None:
    with post_server() as posts:
        two = Pipelines(tmp_path, f"    - webhook: {{url: '{posts.url}/'}}", {"a": "db", "b": "db"})
        two.look(0)
        posts.status = 500
        two.look(70)
        assert len(posts.taken) == 1, "and not by each of them at once"
        posts.status = 200
        two.look(70, "b")
        two.look(1, "a")
        assert [posted["title"] for _, posted in posts.taken[1:]] == ["dcp 2 pipelines: sinkDown"]


@pytest.mark.parametrize("sent_before", [False, True])
def test_one_that_is_killed_while_it_tells_leaves_it_to_another(tmp_path: Path, sent_before: bool) -> None:
    with post_server() as posts:
        two = Pipelines(tmp_path, f"    - webhook: {{url: '{posts.url}/'}}", {"a": "db", "b": "db"})
        two.look(0)
        if not (pid := os.fork()):

            def killed(letters: Sequence[tuple[Service, Letter]]) -> list[str | None]:
                if sent_before:
                    patiently(letters)
                os.kill(os.getpid(), 9)
                return []

            two.notifiers["a"]._send = killed
            two.look(70, "a")
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
        two.look(70, "b")
        assert len(posts.taken) == sent_before, "it may be on its way"
        two.look(61, "b")
        two.look(61, "b")
        assert [posted["title"] for _, posted in posts.taken[int(sent_before) :]] == ["dcp 2 pipelines: sinkDown"]


def test_what_is_known_in_common_cannot_be_read_or_written_and_is_told_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "up").write_text("no folder")
    with post_server() as posts:
        one = Pipelines(tmp_path, f"    - webhook: {{url: '{posts.url}/'}}", {"a": "db"})
        one.look(0)
        one.look(70)
        assert [posted["title"] for _, posted in posts.taken] == ["dcp default/a: sinkDown"]
