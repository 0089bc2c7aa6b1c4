"""The benchmark at its smallest: that every contestant still arrives at the same rows. No figure is judged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from bench.__main__ import main
from bench.page import PAGE


def test_everybody_does_the_same_work_and_all_figures_are_told(tmp_path: Path) -> None:
    output, page = tmp_path / "bench.json", tmp_path / "benchmarks.md"
    shutil.copy(PAGE, page)
    main(["--records", "3000", "--pairs", "1", "--output", str(output), "--page", str(page)])
    told = json.loads(output.read_text())
    everybody = [told, *told["peers"].values()]
    assert {each["contestant"] for each in everybody} == {"ours", "load_data", "load_data_ignore", "celery"}
    for each in everybody:
        assert each["records_per_second"] > 0
        assert each["ratio_to_load_data"] > 0
        assert each["cpu_seconds_per_million"] >= 0
    assert "LOAD DATA" in page.read_text()
