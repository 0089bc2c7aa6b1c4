"""The page in a real browser: what people see and do, and that nothing on it is refused, foreign or hard to reach."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from support.ui_browser import browser, served_page
from support.ui_stage import HOSTILE, SECRET, Stage, stage

BOTNET, SENSORS = "p/default/botnet", "p/default/sensors"
PAGES = ("", BOTNET, SENSORS, f"{BOTNET}?range=30d", f"{BOTNET}/objects", "p/default/new-feed")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("ui") / "pipelines", days=12) as one:
        yield one


@dataclass
class Seen:
    """A browser that looks at the page; what it complained of."""

    url: str
    page: Page
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        await self.page.goto(self.url + path)
        await self.page.wait_for_function("!document.querySelector('[data-waits]')", timeout=120_000)
        return self.page

    async def axe(self) -> list[str]:
        found = await Axe().run(self.page)
        return [
            f"{each['id']}: {node['html'][:200]}" for each in found.response["violations"] for node in each["nodes"]
        ]


@asynccontextmanager
async def looking(built: Stage, actions: bool = False, **context: object) -> AsyncIterator[Seen]:
    async with served_page(built, actions) as url, browser() as chromium:
        page = await chromium.new_page(**{"locale": "en", "reduced_motion": "reduce", **context})  # type: ignore[arg-type]
        page.set_default_timeout(120_000)
        seen = Seen(url, page)
        page.on("console", lambda message: seen.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("dialog", lambda dialog: seen.complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda one: None if one.url.startswith(url) else seen.complaints.append(one.url))
        yield seen


async def test_one_goes_from_the_fleet_to_an_object_that_could_not_be_read(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open("")
        names = await page.locator(".fleet tbody th").all_inner_texts()
        assert names == ["default/sensors", "default/botnet", "default/new-feed"]
        assert "broken.yaml" in await page.locator(".notice").inner_text()
        await page.get_by_role("link", name="default/botnet").click()
        assert await page.get_by_role("img", name="The way of the records").count() == 1
        equation = await page.locator(".equation").inner_text()
        with built.database("botnet") as database:
            ((read,),) = database.execute("SELECT sum(records) FROM dcp_batches").fetchall()
        assert equation.split()[0] == f"{read:,}"
        await page.get_by_role("link", name="see them").click()
        await page.wait_for_url("**/objects?state=unavailable")
        rows = page.locator(".books tbody tr")
        assert await rows.count() == 1
        assert "torn.csv.gz" in await rows.inner_text()
        assert "truncated" in await rows.inner_text()
        assert seen.complaints == []


async def test_the_way_shows_what_queue_and_workers_do_now_and_goes_on_by_itself(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open(SENSORS)
        way = page.locator("svg.way.lying")
        assert [each in await way.text_content() for each in ("14 batches", "3 alive", "2 busy")] == [True] * 3  # type: ignore[operator]
        assert "403 Forbidden" in await page.locator(".remarks").inner_text()
        client = built.redis.client()
        (worker,) = [each for each in client.keys("*workers*") if client.type(each) == b"zset"]
        client.zrem(worker, "sensors-worker-2")
        await page.locator("svg.way.lying").get_by_text("2 alive").wait_for()
        assert seen.complaints == []


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark", "locale": "zh-CN"}], ids=["light", "dark, Chinese"])
async def test_every_page_can_be_reached_by_everybody(built: Stage, look: dict[str, str]) -> None:
    async with looking(built, **look) as seen:
        found = {}
        for path in PAGES:
            await seen.open(path)
            found[path] = await seen.axe()
        assert found == {path: [] for path in PAGES}
        assert seen.complaints == []


async def test_no_page_is_wider_than_a_telephone(built: Stage) -> None:
    async with looking(built, viewport={"width": 360, "height": 740}) as seen:
        for path in PAGES:
            page = await seen.open(path)
            assert (path, await page.evaluate("document.documentElement.scrollWidth")) == (path, 360)
        assert await page.locator("svg.lying").count() == await page.locator("svg.lying:not(:visible)").count()


async def test_it_is_used_by_keyboard(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open("")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        for _ in range(12):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.textContent") == "default/botnet":
                break
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/p/default/botnet")


async def test_the_switch_of_the_language_keeps_the_place(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open(f"{BOTNET}/objects?state=unavailable")
        await page.get_by_role("link", name="中文").click()
        await page.wait_for_url("**/objects?state=unavailable")
        assert await page.locator("html").get_attribute("lang") == "zh-CN"
        assert await page.locator("h1").inner_text() == "逐个对象的账目"


async def test_what_a_feed_holds_does_nothing(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open(f"{BOTNET}/objects?newer=0")
        shown = await page.locator("main").inner_text()
        assert "<img src=x onerror=alert(1)>" in shown
        assert await page.locator("main img, main script").count() == 0
        assert seen.complaints == []
        assert HOSTILE not in await page.content()


async def test_no_secret_stands_anywhere(built: Stage) -> None:
    async with looking(built) as seen:
        for path in PAGES:
            page = await seen.open(path)
            assert SECRET not in await page.content()
