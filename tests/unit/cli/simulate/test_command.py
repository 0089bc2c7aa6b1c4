"""`dcp simulate` from end to end, without any server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dcp_cli.__main__ import main

SPEC = str(Path(__file__).parents[4] / "examples" / "botnet.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", SPEC, *arguments])


def test_it_shows_all_autoscalers_and_explains_each_step_of_ours() -> None:
    result = run("burst", "--explain")
    assert result.exit_code == 0, result.output
    for name in ("ours", "KEDA, defaults", "KEDA, tuned", "Numaflow", "pods    |"):
        assert name in result.output
    assert "0 -> 1   200 batches of 1 s each, to be done within 300 s" in result.output


def test_as_json_it_has_figures_curves_and_decisions(tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text("0,30\n0,0\n30,0\n")
    answer = json.loads(run(str(tmp_path / "load.csv"), "--service", "500ms", "--target", "5s", "-o", "json").output)
    assert (answer["trace"], answer["batches"], answer["target_seconds"]) == ("load", 30, 5.0)
    ours = answer["autoscalers"]["ours"]
    assert ours["pod_seconds"] < answer["autoscalers"]["KEDA, defaults"]["pod_seconds"]
    assert max(wanted for _, _, _, wanted, _ in ours["curve"]) == answer["decisions"][0]["after"]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_it_draws_the_curves(tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"burst.{ending}"
    assert run("burst", "-d", str(picture)).exit_code == 0
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("brust",), 1, "ready-made loads: burst"),
        (("burst", "--service", "soon"), 2, "'soon' is not a duration"),
        (("burst", "--target", "0s"), 2, "more than nothing"),
        (("burst", "-d", "curves.doc"), 1, "cannot be written"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], code: int, words: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, words in result.output) == (code, True), result.output
