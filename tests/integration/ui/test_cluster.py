"""The page of a cluster's pipelines, from an API server: what it shows, what it asks for, and what it says when refused."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from axe_playwright_python.async_playwright import Axe

from dcp_ui.in_cluster import Settings, read_settings
from support.kube_api.server import ApiServer, serving
from support.ui_browser import browser, served_cluster
from support.ui_cluster import resource, status
from support.waiting import eventually

PLURAL = "datacleaningpipelines"


def some(api: ApiServer) -> None:
    api.put(PLURAL, resource("team-a/botnet", status(Expected=("False", "no <b>new</b> data for 30 h"))))
    api.put(PLURAL, resource("team-b/sensors", status(backlog=5)))
    api.put(PLURAL, resource("team-b/new", None))
    api.put(PLURAL, resource("team-b/theirs", status(), labels={"datacleaning.io/instance": "other"}))


async def test_it_shows_what_is_wrong_first_and_asks_for_pipelines_alone(tmp_path: Path) -> None:
    async with (
        serving() as api,
        served_cluster(api, tmp_path, Settings(port=0)) as url,
        aiohttp.ClientSession() as client,
    ):
        some(api)
        text = await (await client.get(url)).text()
        places = [text.index(f">{each}<") for each in ("team-a/botnet", "team-b/sensors", "team-b/new")]
        assert places == sorted(places)
        assert "team-b/theirs" not in text
        one = await (await client.get(f"{url}p/team-a/botnet")).text()
        assert "no &lt;b&gt;new&lt;/b&gt; data for 30 h" in one
        assert "38 batches wait: 3 workers clear them" in one
        assert (await client.get(f"{url}p/team-a/nobody")).status == 404
        assert (await client.post(f"{url}p/team-a/botnet", data={"x": "y"})).status == 405
    assert {(each.verb, each.plural) for each in api.requests} == {("list", PLURAL)}


async def test_only_the_namespaces_and_the_instance_that_are_its_own(tmp_path: Path) -> None:
    settings = read_settings({"NAMESPACES": "team-b", "INSTANCE": "other", "UI_PORT": "0"})
    async with serving() as api, served_cluster(api, tmp_path, settings) as url, aiohttp.ClientSession() as client:
        some(api)
        text = await (await client.get(url)).text()
        assert [each in text for each in ("team-b/theirs", "team-b/sensors", "team-a/botnet")] == [True, False, False]
    assert {each.namespace for each in api.requests} == {"team-b"}


async def test_more_than_a_page_of_the_api_server_s_are_counted_whole(tmp_path: Path) -> None:
    async with (
        serving() as api,
        served_cluster(api, tmp_path, Settings(port=0)) as url,
        aiohttp.ClientSession() as client,
    ):
        for number in range(1203):
            api.put(PLURAL, resource(f"many/p{number:04}", status(backlog=number % 2)))
        text = await (await client.get(f"{url}?level=working")).text()
        assert "of 601" in text
        assert "p0001" in text
    assert len(api.requests) == 3


async def test_a_refusal_is_told_with_the_right_that_is_missing_and_is_over_when_it_is(tmp_path: Path) -> None:
    async with (
        serving() as api,
        served_cluster(api, tmp_path, Settings(port=0)) as url,
        aiohttp.ClientSession() as client,
    ):
        some(api)
        refusal = api.refuse(403, "list", PLURAL, message='cannot list resource "datacleaningpipelines"')
        answer = await client.get(url)
        assert answer.status == 200
        assert "cannot list resource &#34;datacleaningpipelines&#34;" in await answer.text()
        refusal.lift()

        async def there() -> bool:
            return "team-a/botnet" in await (await client.get(url)).text()

        await eventually(there, "the pipelines after the refusal", 60)


async def test_it_answers_to_addresses_and_to_the_names_that_it_was_given(tmp_path: Path) -> None:
    settings = Settings(port=0, allowed_hosts=frozenset({"api.example.org"}))
    async with serving() as api, served_cluster(api, tmp_path, settings) as url, aiohttp.ClientSession() as client:
        hosts = ("10.1.2.3:8090", "[fd00::1]:80", "api.example.org:6443", "evil.example", "10.1.2.3.evil.example")
        found = {each: (await client.get(url, headers={"Host": each})).status for each in hosts}
        assert found == dict(zip(hosts, [200, 200, 200, 421, 421], strict=True))
        refused = await client.get(url, headers={"Host": "evil.example"})
        assert "ui.allowHosts" in await refused.text()


async def test_it_is_compressed_in_the_one_way_that_the_api_server_s_proxy_can_undo(tmp_path: Path) -> None:
    async with (
        serving() as api,
        served_cluster(api, tmp_path, Settings(port=0)) as url,
        aiohttp.ClientSession() as client,
    ):
        for number in range(40):
            api.put(PLURAL, resource(f"many/p{number:04}", status()))
        found = {
            each: (await client.get(url, headers={"Accept-Encoding": each})).headers.get("Content-Encoding")
            for each in ("gzip, deflate, br, zstd", "deflate", "identity")
        }
        assert list(found.values()) == ["gzip", None, None]


async def test_it_can_be_reached_by_everybody_and_is_no_wider_than_a_telephone(tmp_path: Path) -> None:
    async with serving() as api, served_cluster(api, tmp_path, Settings(port=0)) as url, browser() as chromium:
        some(api)
        page = await chromium.new_page(viewport={"width": 360, "height": 740}, reduced_motion="reduce")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        for path in ("", "p/team-a/botnet", "p/team-b/new"):
            await page.goto(url + path)
            found = await Axe().run(page)
            assert [each["id"] for each in found.response["violations"]] == []
            assert (path, await page.evaluate("document.documentElement.scrollWidth")) == (path, 360)
        assert complaints == []
