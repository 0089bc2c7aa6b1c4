"""Pictures: what is put into them is text, and what is there is seen."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from lxml import etree

from dcp_ui.drawing.bars import Plot, Series, small, stacked, top_of
from dcp_ui.drawing.svg import clipped, picture, tag, text, title
from dcp_ui.drawing.way import Box, Part, SourceShown, Way, draw_way

HOSTILE = "\"'><script>alert(1)</script>&"


def parsed(svg: str) -> etree._Element:
    return etree.fromstring(f'<root xmlns="http://www.w3.org/2000/svg">{svg}</root>')


def test_a_hostile_text_stays_a_text() -> None:
    svg = picture(10, 10, HOSTILE, title(HOSTILE), text(HOSTILE, 1, 2))
    root = parsed(svg)
    assert root[0].get("aria-label") == HOSTILE
    assert [each.text for each in root[0]] == [HOSTILE, HOSTILE]
    assert "<script" not in svg


@pytest.mark.parametrize("standing", [False, True])
def test_a_way_with_hostile_names_and_no_figures_is_drawn(standing: bool) -> None:
    box = Box(HOSTILE, HOSTILE, (HOSTILE, HOSTILE))
    sources = tuple(SourceShown(HOSTILE, HOSTILE, "d-ok") for _ in range(9))
    parts = (Part(HOSTILE, "q-ready", 0), Part(HOSTILE, "q-inflight", 10**12), Part("few", "q-scheduled", 1))
    svg = draw_way(
        Way(HOSTILE, HOSTILE, sources, "and 4 more", box, parts, box, (True, False) * 40, box, (), True), standing
    )
    assert "<script" not in svg
    assert "style=" not in svg
    width = float(parsed(svg)[0].get("viewBox").split()[2])
    ends = [float(each.get("x")) + float(each.get("width")) for each in parsed(svg).iter("{*}rect") if each.get("x")]
    assert max(ends) <= width


def test_bars_stand_in_their_moments_and_few_are_seen_beside_many() -> None:
    moments = tuple(datetime(2026, 11, 1) + timedelta(hours=n) for n in range(24))
    many = Series("written", "s-written", tuple(1_000_000 if n == 3 else 0 for n in range(24)))
    one = Series("rejected", "s-rejected", tuple(1 if n in (3, 5) else 0 for n in range(24)))
    root = parsed(stacked(Plot("said", moments, (many, one), "%H:%M"), str))
    rejected = [each for each in root.iter("{*}rect") if each.get("class") == "s-rejected"]
    assert [float(each.get("height")) >= 1 for each in rejected] == [True, True]
    told = [each.text for each in root.iter("{*}title")]
    assert "rejected: 1" in told[5]
    assert "written" not in told[5]
    assert len(told) == 24


def test_nothing_at_all_is_drawn_too() -> None:
    assert parsed(stacked(Plot("said", (), (), "%H"), str)) is not None
    assert parsed(small([], "none")) is not None
    assert re.search(r'class="s-written"', small([0, 3, 0], "3"))


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (3, 5), (7, 10), (200, 200), (201, 500), (999_999, 1_000_000)]
)
def test_a_scale_ends_at_a_round_number(most: float, top: float) -> None:
    assert top_of(most) == top


def test_what_is_clipped_fits_wide_characters_too() -> None:
    assert clipped("short", 10) == "short"
    assert clipped("a" * 30, 10) == "a" * 9 + "…"
    assert len(clipped("数据清洗管道的名称", 10)) <= 6


def test_what_is_put_into_an_element_is_text_there_whatever_it_is() -> None:
    odd = '<b a="1">&\u202e\''
    made = tag("g", odd, tag("title", odd), aria_label=odd, class_=None, text_anchor="end", x=1, y=2.5)
    assert made.startswith('<g aria-label="&lt;b')
    assert made.count("<b") == 0
    assert made.count("&lt;b a=") == 3
    assert 'text-anchor="end" x="1" y="2.5"' in made
    assert "\u202e" not in made.partition(">")[0], "marks that turn a line around do nothing in an attribute"
