"""What the types cannot say of transforms, computed fields and filters: rules across members, each naming its path.

checks.py calls it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from dcp_pipeline.spec.checking.order import cycle_of, reads_of
from dcp_pipeline.spec.errors import Place, SpecProblem, path_of
from dcp_pipeline.spec.model import Cleaning, Field, Spec
from dcp_pipeline.spec.problems import exactly_one, given_members, network_problems, pattern_problems
from dcp_pipeline.spec.transforms import LISTED, Step
from dcp_pipeline.spec.words.filters import Condition

_TESTS = ("equals", "in", "matches", "cidr", "compare", "missing")
_GROUPS = ("all", "any", "not")
_MOMENTS = {"date", "time", "datetime"}
_NUMBERS = {"integer", "number", "decimal"}


def rule_problems(spec: Spec) -> Iterator[SpecProblem]:
    """Everything that is wrong with the rules, in the order of the spec."""
    cleaning, names = spec.cleaning, {each.name for each in spec.cleaning.fields}
    for number, field in enumerate(cleaning.fields):
        place = ("spec", "cleaning", "fields", number)
        yield from _typing(field, place)
        yield from _labels(field, place)
        yield from _computed(field, names, place)
        for index, transform in enumerate(field.transforms):
            if isinstance(transform, Step):
                yield from _step(transform, (*place, "transforms", index))
    yield from _whole(cleaning)
    for number, each in enumerate(cleaning.filter):
        place = ("spec", "cleaning", "filter", number)
        yield from exactly_one(each, ("drop", "keep"), place)
        for member in ("drop", "keep"):
            condition = getattr(each, member)
            if condition is not None:
                yield from _condition(condition, names, (*place, member))


def _typing(field: Field, place: Place) -> Iterator[SpecProblem]:
    if field.formats and field.format is not None:
        yield SpecProblem(path_of((*place, "formats")), "is set beside format; at most one is wanted")
    if field.formats and field.type not in _MOMENTS:
        yield SpecProblem(path_of((*place, "formats")), f"is set, but type {field.type} has no format")
    for name, is_set, types in (
        ("decimalChar", field.decimal_char != ".", _NUMBERS),
        ("groupChar", field.group_char is not None, _NUMBERS),
        ("bareNumber", not field.bare_number, _NUMBERS),
        ("precision", field.precision != 38, {"decimal"}),
        ("scale", field.scale != 10, {"decimal"}),
    ):
        if is_set and field.type not in types:
            yield SpecProblem(path_of((*place, name)), f"is set, but it has no meaning for type {field.type}")
    for name, char in (("decimalChar", field.decimal_char), ("groupChar", field.group_char)):
        if char is not None and (char.isdecimal() or char in "+-eE"):
            yield SpecProblem(path_of((*place, name)), f"is {char!r}, which is a part of numbers")
    if field.scale > field.precision and field.type == "decimal":
        yield SpecProblem(path_of((*place, "scale")), f"is {field.scale}, above precision {field.precision}")
    if field.group_char == field.decimal_char:
        yield SpecProblem(path_of((*place, "groupChar")), f"is {field.group_char!r}, and decimalChar too")


def _labels(field: Field, place: Place) -> Iterator[SpecProblem]:
    if len(set(field.labels)) < len(field.labels):
        yield SpecProblem(path_of((*place, "from")), "names a label twice")


def _computed(field: Field, names: set[str], place: Place) -> Iterator[SpecProblem]:
    if field.compute is None:
        return
    if field.from_ is not None:
        yield SpecProblem(path_of((*place, "from")), "is set beside compute; at most one is wanted")
    yield from exactly_one(field.compute, field.compute.__struct_encode_fields__, (*place, "compute"))
    for name in field.compute.sources:
        if name not in names:
            yield SpecProblem(
                path_of((*place, "compute")), f"reads {name!r}, which is no field of spec.cleaning.fields"
            )


def _whole(cleaning: Cleaning) -> Iterator[SpecProblem]:
    if not cleaning.columns:
        yield SpecProblem("spec.cleaning.fields", "has no field that is stored; at least one is wanted")
    cycle = cycle_of(reads_of(cleaning))
    if cycle:
        yield SpecProblem("spec.cleaning.fields", f"are made of each other: {' reads '.join(cycle)}")


def _step(step: Step, place: Place) -> Iterator[SpecProblem]:
    yield from exactly_one(step, step.__struct_encode_fields__, place)
    for name, settings in step.given():
        yield from LISTED[name].problems(settings, (*place, name))


def _condition(condition: Condition, names: set[str], place: Place) -> Iterator[SpecProblem]:
    tests, groups = given_members(condition, _TESTS), given_members(condition, _GROUPS)
    if condition.field is None and not tests:
        if len(groups) != 1:
            found = " and ".join(groups) or "nothing"
            yield SpecProblem(path_of(place), f"has {found}; a field with a test, or one of all, any, not is wanted")
    elif groups or len(tests) != 1 or condition.field is None:
        found = ", ".join([*(["field"] if condition.field is not None else []), *tests, *groups])
        wanted = f"field and exactly one of {', '.join(_TESTS)} are wanted"
        yield SpecProblem(path_of(place), f"has {found}; {wanted}")
    if condition.field is not None and condition.field not in names:
        message = f"is {condition.field!r}, which is no field of spec.cleaning.fields"
        yield SpecProblem(path_of((*place, "field")), message)
    yield from pattern_problems(condition.matches, (*place, "matches"))
    yield from network_problems(condition.cidr or (), (*place, "cidr"))
    if condition.compare is not None and not given_members(
        condition.compare, condition.compare.__struct_encode_fields__
    ):
        yield SpecProblem(path_of((*place, "compare")), "has no bound")
    for group in ("all", "any"):
        for number, each in enumerate(getattr(condition, group) or ()):
            yield from _condition(each, names, (*place, group, number))
    if condition.not_ is not None:
        yield from _condition(condition.not_, names, (*place, "not"))
