"""A start's objects are left out by the garbage collector; those that come after are not."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from dcp_pipeline.process.starting import nothing_is_garbage


class Ring:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_rests_inside_and_what_was_made_there_is_left_out() -> None:
    with nothing_is_garbage():
        assert not gc.isenabled()
        ring = weakref.ref(Ring())
    gc.collect()
    assert gc.isenabled()
    assert ring() is not None


def test_what_is_made_afterwards_is_collected() -> None:
    with nothing_is_garbage():
        pass
    ring = weakref.ref(Ring())
    gc.collect()
    assert ring() is None


def test_an_error_switches_it_on_again() -> None:
    with pytest.raises(ValueError, match="spec"), nothing_is_garbage():
        raise ValueError("spec")
    assert gc.isenabled()


@pytest.mark.parametrize("component", ["dcp_worker", "dcp_fetcher"])
def test_a_component_that_ends_before_it_began_says_why(component: str) -> None:
    ran = subprocess.run([sys.executable, "-m", component, "missing.yaml"], capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"{component}: missing.yaml")
