"""What the page refuses: other hosts' names, forms of other sites, forms without a session, whatever is only to be read."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest

from support.ui_browser import TOKEN, served_page
from support.ui_stage import Stage

DEAD = "p/default/none/dead/requeue"
ACTIONS = ("rejects/replay", "dead/requeue", "objects/forget", "objects/reread", "objects/release", "objects/drop")
SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: none}
spec:
  sources: [{name: files, file: {path: /nowhere}}]
  cleaning: {fields: [{name: id}], unique: [id]}
"""


@pytest.fixture
def built(tmp_path: Path) -> Stage:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "none.yaml").write_text(SPEC)
    return Stage(folder, None, {})  # type: ignore[arg-type]


async def test_a_name_that_is_not_this_server_s_is_not_answered(built: Stage) -> None:
    async with served_page(built) as url, aiohttp.ClientSession() as client:
        for name, status in (("evil.example", 421), ("127.0.0.1.evil.example", 421), ("localhost:1", 200)):
            for path in ("", "static/style.css", "nothing/there"):
                answer = await client.get(url + path, headers={"Host": name})
                assert answer.status == (status if status == 421 or path != "nothing/there" else 404)


async def test_every_answer_says_what_the_browser_may_do(built: Stage) -> None:
    async with served_page(built) as url, aiohttp.ClientSession() as client:
        for path in ("", "p/default/none", "p/default/other", "static/style.css", "static/../server.py", "healthz"):
            headers = (await client.get(url + path)).headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")


async def test_nothing_stands_inline(built: Stage) -> None:
    async with served_page(built) as url, aiohttp.ClientSession() as client:
        for path in ("", "p/default/none", "p/default/none/objects", "p/default/none/rejects", "sign-in"):
            text = await (await client.get(url + path)).text()
            assert (
                re.findall(r"<style|\bstyle=|\bon\w+=|<script(?! src=\"/static/live.js\" defer></script>)", text) == []
            )


@pytest.mark.parametrize("action", ACTIONS)
async def test_without_actions_nothing_can_be_done(built: Stage, action: str) -> None:
    async with served_page(built) as url, aiohttp.ClientSession() as client:
        answer = await client.post(f"{url}p/default/none/{action}", data={}, headers={"Origin": url.rstrip("/")})
        assert answer.status == 403
        assert "--actions" in await answer.text()
        assert (await client.post(f"{url}sign-in", data={"token": ""}, headers={"Origin": url[:-1]})).status == 403


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_needs_a_session_its_own_form_and_our_own_page(built: Stage, action: str) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with served_page(built, actions=True) as url, aiohttp.ClientSession(cookie_jar=jar) as client:
        ours, place = {"Origin": url[:-1]}, f"{url}p/default/none/{action}"
        assert (await client.post(place, data={"form_token": ""}, headers=ours)).status == 403
        elsewhere = {"Origin": "http://evil.example"}
        assert (await client.post(f"{url}sign-in", data={"token": TOKEN}, headers=elsewhere)).status == 403
        signed = await client.post(f"{url}sign-in", data={"token": TOKEN, "to": "//evil.example"}, headers=ours)
        assert signed.status == 200
        assert str(signed.url) == url
        cookie = signed.history[0].headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        found = re.search(r'name="form_token" value="([^"]+)"', await signed.text())
        assert found is not None
        form = {"form_token": found[1], "batch": "0" * 32, "object": "0" * 32}
        assert (await client.post(place, data=form, headers=elsewhere)).status == 403
        assert (await client.post(place, data=form)).status == 403
        assert (await client.post(place, data=form | {"form_token": "another"}, headers=ours)).status == 403
        refused = await client.post(place, data=form, headers=ours)
        assert refused.status == 409  # the pipeline never ran: it is told, and written down
        assert "nothing has run" in await refused.text()
        assert (await client.post(f"{url}sign-out", data=form, headers=ours)).status == 200
        assert (await client.post(place, data=form, headers=ours)).status == 403
    lines = (built.folder / "audit.ndjson").read_text().splitlines()
    assert len(lines) == 3
    assert "refused: " in lines[-1]
