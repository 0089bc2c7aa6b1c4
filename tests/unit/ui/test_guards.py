"""Who is answered, who may act, and that what is asked again and again is read now and then."""

from __future__ import annotations

import asyncio

import pytest

from dcp_pipeline.database.errors import SinkUnavailable
from dcp_ui.ground.looks import Looks
from dcp_ui.guard.headers import same_origin
from dcp_ui.guard.hosts import answers, is_foreign
from dcp_ui.guard.session import LASTS_SECONDS, Sessions


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("127.0.0.1:8090", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("[::1]:8090", True),
        ("dcp.example", True),
        ("dcp.example:443", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8090", False),
        ("[::1].evil.example", False),
        ("", False),
        (None, False),
    ],
)
def test_only_names_of_this_server_are_answered(host: str | None, answered: bool) -> None:
    assert answers(host, frozenset({"dcp.example"})) is answered


@pytest.mark.parametrize(
    ("site", "origin", "may"),
    [
        ("same-origin", "http://[127.0.0.1:8090", False),
        ("same-origin", "http://127.0.0.1:8090", True),
        (None, "http://127.0.0.1:8090", True),
        ("cross-site", "http://127.0.0.1:8090", False),
        ("same-site", "http://127.0.0.1:8090", False),
        ("same-origin", "http://127.0.0.1:9999", False),
        ("same-origin", "null", False),
        (None, None, False),
        (None, "http://evil.example", False),
    ],
)
def test_a_form_of_another_site_changes_nothing(site: str | None, origin: str | None, may: bool) -> None:
    assert same_origin(site, origin, "127.0.0.1:8090") is may


def test_a_session_ends_and_its_forms_are_its_own() -> None:
    now = [0.0]
    sessions = Sessions("the token, which is long", lambda: now[0])
    one, other = sessions.sign_in("the token, which is long"), sessions.sign_in("the token, which is long")
    assert one is not None
    assert other is not None
    assert sessions.of(one.id) == one
    assert sessions.allows(one, one.form_token)
    assert not sessions.allows(one, other.form_token)
    assert not sessions.allows(None, "")
    sessions.sign_out(other)
    assert sessions.of(other.id) is None
    now[0] = LASTS_SECONDS
    assert sessions.of(one.id) is None


def test_tokens_cannot_be_guessed_one_after_the_other() -> None:
    now = [0.0]
    sessions = Sessions("the token", lambda: now[0])
    assert [sessions.sign_in(f"guess {n} \udcff") if n == 3 else None for n in range(3)] == [None] * 3
    for n in range(10):
        assert not sessions.too_many_tries()
        assert sessions.sign_in(f"guess {n}") is None
    assert sessions.too_many_tries()
    now[0] = 61
    assert not sessions.too_many_tries()


def test_without_a_token_nobody_signs_in() -> None:
    for none in (None, ""):
        assert Sessions(none).sign_in("") is None
        assert not Sessions(none).enabled


async def test_a_slow_look_is_made_seldom_and_waited_for_shortly() -> None:
    now, reads = [100.0], []

    def read() -> int:
        reads.append(now[0])
        now[0] += 3
        return len(reads)

    looks = Looks(1, lambda: now[0])
    assert (await looks.at("key", read, 60)).value == 1
    now[0] += 59  # a twentieth of the time at most
    assert (await looks.at("key", read, 60)).value == 1
    now[0] += 2
    assert (await looks.at("key", read, 60)).value == 2
    looks.forget(lambda key: key == "key")
    assert (await looks.at("key", read, 60)).value == 3
    assert len(reads) == 3
    await looks.close()


async def test_who_does_not_get_a_look_in_time_gets_the_one_before() -> None:
    now, gate = [0.0], asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow() -> str:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(60)
        return "new"

    looks = Looks(2, lambda: now[0])
    assert (await looks.at("key", slow, 0)).waits
    assert (await looks.at("key", slow, 0.001)).waits
    gate.set()
    assert (await looks.at("key", slow, 60)).value == "new"
    now[0] = 50
    gate.clear()
    look = await looks.at("key", slow, 0)
    assert (look.value, look.age_seconds) == ("new", 50)
    gate.set()
    await looks.close()


async def test_a_server_that_is_away_is_told_and_what_was_known_stays() -> None:
    now, away = [0.0], [False]

    def read() -> str:
        if away[0]:
            raise SinkUnavailable("the database is away")
        return "rows"

    looks = Looks(1, lambda: now[0])
    assert (await looks.at("key", read, 60)).trouble is None
    away[0], now[0] = True, 10
    look = await looks.at("key", read, 60)
    assert (look.value, look.trouble) == ("rows", "the database is away")
    await looks.close()


async def test_of_many_looks_few_are_kept() -> None:
    looks = Looks(1, lambda: 0.0, kept=3)
    reads: list[int] = []

    async def at(key: int) -> None:
        await looks.at(key, lambda: reads.append(key), 60)

    for key in (1, 2, 3, 1, 4, 1, 2):
        await at(key)
    assert reads == [1, 2, 3, 4, 2]
    await looks.close()


@pytest.mark.parametrize(
    ("site", "mode", "foreign"),
    [
        ("cross-site", "no-cors", True),
        ("cross-site", "cors", True),
        ("same-site", "no-cors", True),
        ("cross-site", "navigate", False),
        ("same-origin", "cors", False),
        ("none", "navigate", False),
        (None, None, False),
    ],
)
def test_a_foreign_page_may_lead_here_and_not_ask_in_the_background(
    site: str | None, mode: str | None, foreign: bool
) -> None:
    given = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    assert is_foreign({name: value for name, value in given.items() if value is not None}) is foreign
