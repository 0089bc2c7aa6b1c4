"""The page's languages: all of it is said in each, and whoever asks gets theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dcp_ui
from dcp_ui.reading.conditions import WRONG
from dcp_ui.reading.rules import MEANINGS
from dcp_ui.reading.verdict import EXPECTED, Level
from dcp_ui.words.chinese import CHINESE
from dcp_ui.words.language import Words, chosen

PACKAGE = Path(dcp_ui.__file__).parent
_SAID = (r"""\bt\(\s*"([^"]+)\"""", r"""\bt\(\s*'([^']+)'""")
_SAID_IN_CODE = (r"""\b(?:words|self)\(\s*"([^"]+)\"""", r"""Remark\(\s*Level\.\w+,\s*"([^"]+)\"""")


def said() -> set[str]:
    texts = [(path.read_text(), _SAID) for path in PACKAGE.rglob("*.html")]
    texts += [(path.read_text(), _SAID_IN_CODE) for path in PACKAGE.rglob("*.py")]
    return {found for text, patterns in texts for pattern in patterns for found in re.findall(pattern, text)}


def test_everything_is_said_in_chinese_too() -> None:
    assert len(said()) > 60
    assert sorted(said() - set(CHINESE)) == []
    assert sorted(set(MEANINGS.values()) - set(CHINESE)) == []
    assert sorted({text for text, _ in EXPECTED.values()} - set(CHINESE)) == []
    assert sorted({text for _, _, text in WRONG.values()} - set(CHINESE)) == []
    assert [each.word for each in Level if each.word not in CHINESE] == []


def test_a_translation_fills_in_what_the_text_fills_in() -> None:
    places = re.compile(r"\{(\w+)\}")
    wrong = [
        text for text, chinese in CHINESE.items() if sorted(places.findall(text)) != sorted(places.findall(chinese))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de,en;q=0.5,zh;q=0.7", "zh"),
        (None, "fr, de", "en"),
        (None, "zh;q=0, en", "en"),
        (None, "zh;q=nonsense,en;q=0.1", "en"),
        ("en", "zh-CN", "en"),
        ("xx", "zh-TW", "zh"),
    ],
)
def test_the_language_is_that_of_the_switch_or_of_the_browser(cookie: str | None, accepted: str, language: str) -> None:
    assert chosen(cookie, accepted) == language


def test_figures_read_well_in_both_languages() -> None:
    english, chinese = Words("en"), Words("zh")
    assert [english.short(each) for each in (0, 999, 1234, 12345, 1_234_567)] == [
        "0",
        "999",
        "1,234",
        "12.3 k",
        "1.23 M",
    ]
    assert [chinese.short(each) for each in (99_999, 123_456, 250_000_000)] == ["99,999", "12.3 万", "2.5 亿"]
    assert english.share(1, 100_000) == "< 0.1 %"
    assert english.share(0, 0) == "0 %"
    assert (english.age(0.2), english.age(7200), chinese.age(180)) == ("just now", "2 h ago", "3 分钟前")
    assert (english.size(0), english.size(1536)) == ("0 B", "1.5 KiB")
