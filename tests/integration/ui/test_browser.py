"""The page in a real browser: what people see and do, and that nothing on it is refused, foreign or hard to reach."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from support.ui_browser import TOKEN, browser, served_page
from support.ui_stage import HOSTILE, SECRET, Stage, stage

BOTNET, SENSORS = "p/default/botnet", "p/default/sensors"
PAGES = (
    "",
    BOTNET,
    SENSORS,
    f"{BOTNET}?range=30d",
    *(f"{BOTNET}/{each}" for each in ("objects", "rejects", "freshness")),
    *(f"{SENSORS}/{each}" for each in ("scaling", "dead")),
    "p/default/new-feed",
    "p/default/new-feed/rejects",
    "sign-in",
)


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
        # No wait_for_function: it evaluates a text again and again, which the page's policy refuses.
        await self.page.locator("[data-waits]").first.wait_for(state="detached")
        return self.page

    async def axe(self, *only: str) -> list[str]:
        found = await Axe().run(self.page, options={"runOnly": list(only)} if only else None)
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
        await page.get_by_role("img", name="The way of the records").wait_for()
        equation = await page.locator(".equation").inner_text()
        with built.database("botnet") as database:
            ((read,),) = database.execute("SELECT sum(records) FROM dcp_batches").fetchall()
        assert equation.split()[0] == f"{read:,}"
        remark = page.locator(".remarks li", has_text="could not be read whole")
        await remark.get_by_role("link", name="see them").click()
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


async def test_what_is_expected_and_not_met_is_no_idle_pipeline(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open("?level=warn")
        assert "expected" in await page.locator(".fleet").get_by_role("row", name="default/botnet").inner_text()
        page = await seen.open(BOTNET)
        assert "Fewer records come than are expected" in await page.locator(".remarks").first.inner_text()
        told = await page.locator(".expected li").all_inner_texts()
        assert ["not as expected" in each for each in told] == [False, True]
        assert "100,000 are expected" in told[1]


async def test_every_page_can_be_reached_by_everybody(built: Stage) -> None:
    async with looking(built) as seen:
        found = {}
        for path in PAGES:
            await seen.open(path)
            found[path] = await seen.axe()
        assert found == {path: [] for path in PAGES}
        assert seen.complaints == []


async def test_every_page_can_be_read_in_the_dark_and_in_chinese(built: Stage) -> None:
    async with looking(built, color_scheme="dark", locale="zh-CN") as seen:
        found = {}
        for path in PAGES:
            await seen.open(path)
            found[path] = await seen.axe("color-contrast", "html-has-lang", "html-lang-valid")
        assert found == {path: [] for path in PAGES}


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
        page = await seen.open(f"{BOTNET}/rejects?field=src_port&code=type-error")
        assert HOSTILE in await page.locator("main mark").all_inner_texts()
        assert await page.locator("main img, main script").count() == 0
        assert seen.complaints == []


async def test_a_reject_shows_where_it_fails_and_what_its_rule_says(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open(f"{BOTNET}/rejects")
        await page.locator(".legend").get_by_role("link", name="src_port: constraint-error").click()
        await page.wait_for_url("**field=src_port**")
        cards = page.locator("article.reject")
        with built.database("botnet") as database:
            ((number,),) = database.execute(
                "SELECT count(*) FROM dcp_rejects WHERE field = 'src_port' AND code = 'constraint-error'"
            ).fetchall()
        assert await cards.count() == number
        assert "70000" in await cards.locator("mark").all_inner_texts()
        await cards.first.locator("summary").press("Enter")
        assert "maximum: 65535" in await cards.first.locator("details").inner_text()
        assert "breaks a constraint" in await cards.first.locator("details").inner_text()
        assert await page.get_by_role("img", name="rejects by field and reason").count() == 1


async def test_the_calendar_marks_days_without_data_and_the_line_of_workers_says_why(built: Stage) -> None:
    async with looking(built) as seen:
        page = await seen.open(f"{BOTNET}/freshness")
        assert await page.locator("svg.days .nothing").count() == 2
        page = await seen.open(f"{SENSORS}/scaling")
        assert "the sink's commits take 6.2 s" in await page.locator("section > .story li").first.inner_text()
        decided, played = page.locator("svg.plot.lying").first, page.locator("svg.plot.lying").last
        assert await decided.locator(".step").count() == 6
        axes = [await each.locator("text.axis[y='172']").all_text_contents() for each in (decided, played)]
        assert axes[0] == axes[1]
        said = await page.locator(".cardhead .aside").inner_text()
        assert said == "12 batches in 6 hours, each taken as 1.0 s of a worker"
        await page.get_by_text("Why it would change").press("Enter")
        assert "1 batch" in await page.locator("details .story li").last.inner_text()


async def signed_in(seen: Seen) -> Page:
    page = await seen.open("")
    await page.get_by_role("link", name="sign in to act").click()
    await page.get_by_label("Token").fill("not the token at all")
    await page.get_by_role("button", name="Sign in").click()
    assert "That is not the token" in await page.get_by_role("alert").inner_text()
    seen.complaints.clear()  # the browser says 403
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="sign out").wait_for()
    return page


def audited(built: Stage) -> list[dict[str, str]]:
    return [json.loads(line) for line in (built.folder / "audit.ndjson").read_text().splitlines()]


async def test_rejects_are_cleaned_again_by_a_mended_spec_after_a_preview(tmp_path: Path) -> None:
    with stage(tmp_path / "pipelines", days=3) as built:
        async with looking(built, actions=True) as seen:
            page = await signed_in(seen)
            spec = built.folder / "botnet.yaml"
            spec.write_text(spec.read_text().replace("maximum: 65535", "maximum: 99999"))
            page = await seen.open(f"{BOTNET}/rejects?field=src_port&code=constraint-error")
            await page.get_by_role("link", name="Clean these again").click()
            before = built.database("botnet").execute("SELECT count(*) FROM botnet").fetchone()
            would = await page.locator(".legend.big").inner_text()
            found = re.match(r"written (\d+) duplicates 0 filtered 0 rejected (\d+) of", " ".join(would.split()))
            assert found is not None
            written, left = int(found[1]), int(found[2])
            assert written >= 1
            assert "src_port 70000" in " ".join((await page.locator("table").inner_text()).split())
            assert await seen.axe() == []
            assert built.database("botnet").execute("SELECT count(*) FROM botnet").fetchone() == before
            await page.get_by_role("button", name="Clean them all again").click()
            said = await page.get_by_role("status").inner_text()
            assert said.startswith(f"{written + left} rejects cleaned again: {written} written, 0 duplicates")
            assert built.database("botnet").execute("SELECT count(*) FROM botnet WHERE src_port = 70000").fetchone()
            page = await seen.open(f"{BOTNET}/rejects?field=src_port&code=constraint-error")
            assert await page.locator("article.reject").count() == left

            page = await seen.open(f"{SENSORS}/dead")
            await page.get_by_role("checkbox").check()
            await page.get_by_role("button", name="Requeue the chosen ones").click()
            assert (await page.get_by_role("status").inner_text()).startswith("1 revived")

            page = await seen.open(f"{BOTNET}/objects?state=unavailable")
            await page.get_by_role("checkbox").check()
            await page.get_by_role("button", name="Take them as they are").click()
            assert await page.get_by_role("status").inner_text() == "1 objects are history"
            assert seen.complaints == []
        deeds = [(each["action"], each["outcome"]) for each in audited(built)]
        assert deeds[0] == ("sign-in", "wrong token")
        assert [action for action, _ in deeds] == ["sign-in"] * 2 + [
            each for each in ("replay", "requeue", "forget") for _ in range(2)
        ]
        assert TOKEN not in (built.folder / "audit.ndjson").read_text()


async def test_no_secret_stands_anywhere(built: Stage) -> None:
    async with looking(built) as seen:
        for path in PAGES:
            page = await seen.open(path)
            assert SECRET not in await page.content()
