"""Writes Grafana's dashboards (monitoring/dashboards) and the chart's copies of rules and dashboards; or checks them
(--check). The panels stand in monitoring/panels.yaml."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

ROOT = Path(__file__).resolve().parent.parent
MONITORING = ROOT / "monitoring"
CHART = ROOT / "charts/dcp-operator/files/monitoring"
"""The chart has copies, since Helm packs nothing from outside of its folder."""
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_HEIGHT = 8


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One plot, number or table. `queries` by their legends; `limits`: from a value on, a colour."""

    title: str
    queries: dict[str, str]
    kind: Literal["timeseries", "stat", "table"] = "timeseries"
    width: Annotated[int, msgspec.Meta(ge=1, le=24)] = 12
    unit: str = "short"
    said: str = ""
    stacked: bool = False
    limits: tuple[tuple[float, str], ...] = ()


class Dashboard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What monitoring/panels.yaml has under one name."""

    title: str
    panels: tuple[Panel, ...]


DASHBOARDS = msgspec.yaml.decode((MONITORING / "panels.yaml").read_bytes(), type=dict[str, Dashboard])


def dashboard(name: str) -> dict[str, Any]:
    """One dashboard, as Grafana takes it."""
    wanted = DASHBOARDS[name]
    variables = [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}]
    if name == "pipeline":
        query = "label_values(dcp_build_info, pipeline)"
        variables.append(
            {"name": "pipeline", "type": "query", "label": "Pipeline", "datasource": _SOURCE, "query": query,
             "refresh": 2, "sort": 1, "includeAll": False}  # type: ignore[dict-item]
        )  # fmt: skip
    made, x, y = [], 0, 0
    for number, each in enumerate(wanted.panels, 1):
        height = 4 if each.kind == "stat" else _HEIGHT
        if x + each.width > 24:
            x, y = 0, y + made[-1]["gridPos"]["h"]
        made.append(_panel(number, each, {"x": x, "y": y, "w": each.width, "h": height}))
        x += each.width
    return {
        "uid": f"dcp-{name}", "title": wanted.title, "tags": ["dcp"], "schemaVersion": 39, "version": 1,
        "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "utc",
        "templating": {"list": variables}, "annotations": {"list": []}, "panels": made,
        "links": [{"title": "DCP", "type": "dashboards", "tags": ["dcp"], "asDropdown": True, "keepTime": True}],
    }  # fmt: skip


def _panel(number: int, each: Panel, place: dict[str, int]) -> dict[str, Any]:
    table = each.kind == "table"
    targets = [
        {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": query, "legendFormat": legend or "__auto",
         "instant": table or each.kind == "stat", **({"format": "table"} if table else {})}
        for n, (legend, query) in enumerate(each.queries.items())
    ]  # fmt: skip
    defaults: dict[str, Any] = {"unit": each.unit, "custom": {}}
    if each.limits:
        steps = [{"value": None if n == 0 else value, "color": colour} for n, (value, colour) in enumerate(each.limits)]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if each.kind == "timeseries":
        defaults["custom"] = {
            "fillOpacity": 20 if each.stacked else 0,
            "stacking": {"mode": "normal" if each.stacked else "none"},
        }
        defaults["min"] = 0
    options: dict[str, dict[str, Any]] = {
        "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "stat": {
            "colorMode": "background" if each.limits else "none",
            "reduceOptions": {"calcs": ["lastNotNull"]},
        },
        "table": {"showHeader": True},
    }
    return {
        "id": number,
        "type": each.kind,
        "title": each.title,
        "description": each.said,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options[each.kind],
        "targets": targets,
    }


def files() -> dict[Path, str]:
    """Each file that is made, with its text."""
    made = {}
    for name in DASHBOARDS:
        text = json.dumps(dashboard(name), indent=1) + "\n"
        made[MONITORING / "dashboards" / f"{name}.json"] = made[CHART / "dashboards" / f"{name}.json"] = text
    for path in sorted((MONITORING / "rules").glob("*.yaml")):
        made[CHART / "rules" / path.name] = path.read_text()
    return made


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = {path: text for path, text in files().items() if not path.is_file() or path.read_text() != text}
    for path, text in stale.items():
        if check:
            print(f"{path.relative_to(ROOT)} is not as scripts/make_dashboards.py makes it: run it")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
