"""What an adversary leaves in Redis, the ledger and file names for the page to show, and asks of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import redis

from dcp_pipeline.observe.report import report_key
from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.setup import load_setup
from support.redis_server import redis_server
from support.ui_browser import served_page
from support.ui_stage import Stage

SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: none}
spec:
  sources: [{name: files, file: {path: /nowhere}}]
  queue: {redis: {url: "redis://127.0.0.1:PORT/0"}}
  cleaning: {fields: [{name: id}], unique: [id]}
"""
PAGES = ("", "p/default/none", "p/default/none/scaling", "p/default/none/dead", "p/default/none/rejects")
NOTES = {
    "a moment that no calendar has": b'{"at":1e308,"replicas":1,"cause":"x","reason":"y"}',
    "a moment before all": b'{"at":-1e308,"replicas":1,"cause":"x","reason":"y"}',
    "fewer workers than none": b'{"at":1,"replicas":-9,"cause":"x","reason":"y"}',
    "more workers than there are": b'{"at":1,"replicas":99999999999999999,"cause":"x","reason":"y"}',
    "no UTF-8": b'{"at":1,"replicas":1,"cause":"\xff","reason":"y"}',
    "nested deep": b'{"at":1,"replicas":1,"cause":"x","reason":"y","z":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "script": b'{"at":1,"replicas":1,"cause":"<script>","reason":"<img src=x onerror=1>\\u202e\\u001b[31m{n}{0}"}',
}


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Stage]:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    with redis_server() as server:
        (folder / "none.yaml").write_text(SPEC.replace("PORT", str(server.port)))
        yield Stage(folder, server, {})


async def _pages_are_well(client: aiohttp.ClientSession, url: str) -> str:
    """All that was said."""
    whole = ""
    for page in PAGES:
        answer = await client.get(url + page)
        text = await answer.text()
        assert answer.status == 200, page
        assert "defect" not in text, page
        assert not [each for each in ("<img src=x", "<script>", "\u202e", "\x1b") if each in text]
        whole += text
    return whole


@pytest.mark.parametrize("what", NOTES)
async def test_notes_that_somebody_forged_break_no_page(built: Stage, what: str) -> None:
    name = load_setup(built.folder / "none.yaml", {}).pipeline.queue_name
    with redis.Redis(port=built.redis.port) as client:
        client.set(Keys(name).prefix + "scaling", NOTES[what])
        client.lpush(Keys(name).prefix + "scaling-history", NOTES[what])
        client.hset(report_key(name), "fetcher", b'{"at":1e308,"sink":"<img src=x onerror=1>{n}{0}\\u202e\\u001b[31m"}')
    async with served_page(built) as url, aiohttp.ClientSession() as browser:
        said = await _pages_are_well(browser, url)
    assert "The sink is not available" in said


async def test_whatever_a_file_is_called_the_page_shows_it(built: Stage) -> None:
    for name in (b"a\xff.yaml", b"b\x1b]0;t\x07.yaml", "c\u202e<img src=x>.yaml".encode()):
        (built.folder / os.fsdecode(name)).write_text("kind: DataCleaningPipeline\nspec: 3\n")
    async with served_page(built) as url, aiohttp.ClientSession() as browser:
        said = await _pages_are_well(browser, url)
    assert all(each in said for each in ("a\\udcff.yaml", "b\\x1b]0;t\\x07.yaml", "c\\u202e&lt;img src=x&gt;.yaml"))


@pytest.mark.parametrize(
    "after", ["2026-01-01~x~" + "9" * 30, "2026-01-01~x~" + "9" * 5000, "9999-99-99~x~1", "x", "~~", "%00~%00~1"]
)
async def test_a_place_to_go_on_from_may_be_anything(built: Stage, after: str) -> None:
    async with served_page(built) as url, aiohttp.ClientSession() as browser:
        answer = await browser.get(f"{url}p/default/none/rejects?after={after}")
        assert answer.status == 200
        assert "defect" not in await answer.text()


async def test_a_page_of_another_site_cannot_have_a_browser_ask(built: Stage) -> None:
    background = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    async with served_page(built) as url, aiohttp.ClientSession() as browser:
        assert (await browser.get(url + "p/default/none/rejects", headers=background)).status == 403
        assert (await browser.get(url, headers=background | {"Sec-Fetch-Mode": "navigate"})).status == 200


async def test_many_halves_of_requests_keep_nobody_out(built: Stage) -> None:
    async with served_page(built) as url, aiohttp.ClientSession() as browser:
        port = int(url.rsplit(":", 1)[1].strip("/"))
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(400)]
        for _, writer in opened:
            writer.write(b"GET / HT")
        ended = [await asyncio.wait_for(reader.read(1), 60) for reader, _ in opened[:100]]
        assert ended == [b""] * 100  # the oldest were let go
        assert (await browser.get(url + "healthz")).status == 200
        for _, writer in opened:
            writer.transport.abort()
