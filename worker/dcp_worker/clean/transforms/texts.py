"""Transforms of any text: white space, case, patterns, parts, lengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from dcp_pipeline.spec.transforms.texts import Extract, Mask, Replace, Split, Truncate
from dcp_worker.clean.checks.patterns import check_pattern, groups_of
from dcp_worker.clean.transforms.change import Apply, At, Change, Compiled
from dcp_worker.ground.errors import PlanError

_TAGS = (
    r"(?is)<!--.*?-->"
    r"|<script\b[^>]*>.*?</script\s*>|<style\b[^>]*>.*?</style\s*>"
    r"|</?[a-z][^>]*>|<[!?][^>]*>"
)
_CONTROL = r"[\p{Cc}&&[^\t\n\r]]"

SIMPLE: Mapping[str, Apply] = {
    "trim": lambda text: text.str.strip_chars(),
    "collapse": lambda text: text.str.replace_all(r"\s+", " "),
    "lower": lambda text: text.str.to_lowercase(),
    "upper": lambda text: text.str.to_uppercase(),
    "title": lambda text: text.str.to_titlecase(),
    "nfc": lambda text: text.str.normalize("NFC"),
    "nfkc": lambda text: text.str.normalize("NFKC"),
    "stripTags": lambda text: text.str.replace_all(_TAGS, ""),
    "stripControl": lambda text: text.str.replace_all(_CONTROL, ""),
}


def replace(rule: Replace, at: At) -> Change:
    """Raises PlanError for a pattern that is none, or a group that it lacks."""
    if rule.text is not None:
        literal = rule.text
        return Change(lambda text: text.str.replace_all(literal, rule.with_, literal=True))
    pattern = rule.pattern or ""
    check_pattern(pattern, f"{at.path}.pattern")
    return Change(lambda text: text.str.replace_all(pattern, rule.with_))


def extract(rule: Extract, at: At) -> Change:
    """Raises PlanError for a pattern that is none, or a group that it lacks."""
    check_pattern(rule.pattern, f"{at.path}.pattern")
    groups = groups_of(rule.pattern)
    if rule.group > groups:
        raise PlanError(f"{at.path}.group", f"is {rule.group}; the pattern {rule.pattern} has {groups} groups")
    return Change(
        lambda text: text.str.extract(rule.pattern, rule.group),
        rule.otherwise,
        f"has no match for {rule.pattern}",
    )


def split(rule: Split, at: At) -> Change:
    place = rule.take - 1 if rule.take > 0 else rule.take
    return Change(
        lambda text: text.str.split(rule.by).list.get(place, null_on_oob=True),
        rule.otherwise,
        f"has no part {rule.take} between {rule.by!r}",
    )


def mask(rule: Mask, at: At) -> Change:
    first, last = rule.keep_first, rule.keep_last

    def apply(text: pl.Expr) -> pl.Expr:
        hidden = (text.str.len_chars().cast(pl.Int64) - first - last).clip(lower_bound=0)
        middle = text.str.slice(first, hidden).str.replace_all(r"(?s).", rule.with_.replace("$", "$$"))
        # A text that is no longer than what would be shown is hidden whole.
        whole = text.str.replace_all(r"(?s).", rule.with_.replace("$", "$$"))
        shown = pl.concat_str(text.str.head(first), middle, text.str.tail(last))
        return pl.when(hidden > 0).then(shown).otherwise(whole)

    return Change(apply, alone=True)


def truncate(rule: Truncate, at: At) -> Change:
    if rule.characters is not None:
        characters = rule.characters
        return Change(lambda text: text.str.head(characters))
    most = rule.bytes or 0

    def apply(text: pl.Expr) -> pl.Expr:
        raw = text.cast(pl.Binary)
        # A character has at most four bytes, all but its first being 0x80 to 0xBF: a cut may stand before a first one.
        cut = pl.lit(max(most - 3, 0))
        for at in range(max(most - 2, 0), most + 1):
            following = raw.bin.slice(at, 1)
            inside = (following >= pl.lit(b"\x80")) & (following < pl.lit(b"\xc0"))
            cut = pl.when(~inside).then(at).otherwise(cut)
        return raw.bin.head(cut).cast(pl.String)

    return Change(apply, alone=True)


def _word(word: str) -> Callable[[None, At], Change]:
    return lambda _, at: Change(SIMPLE[word])


COMPILED: Compiled = {
    **{word: _word(word) for word in SIMPLE},
    "replace": replace,
    "extract": extract,
    "split": split,
    "mask": mask,
    "truncate": truncate,
}
