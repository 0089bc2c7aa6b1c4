"""The metrics of many processes as one page."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dcp_cli.up.notes import PipelineNote, Status
from dcp_cli.up.scrape import Said, merged

ONE = """# HELP dcp_records_total Records.
# TYPE dcp_records_total counter
dcp_records_total{outcome="read",pipeline="default/one"} 3.0
# HELP process_resident_memory_bytes Resident.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.5e+07
# HELP odd Has no samples.
# TYPE odd gauge
# HELP text Odd labels.
# TYPE text gauge
text{of="a \\"quoted\\" {brace}, pipeline=no"} 1.0
"""


def test_samples_of_one_name_stand_together_each_with_its_process() -> None:
    status = Status(7, 1000.0, (PipelineNote("one", "one.yaml", "running"), PipelineNote("b", "b.yaml", "broken")))
    said = [Said("one", "worker", ONE), Said("one", "worker1", ONE), Said("two", "fetcher", None)]
    page = merged(said, status)
    assert page.count("# TYPE dcp_records_total counter") == 1
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }

    def value(name: str, **labels: str) -> float:
        return found[(name, frozenset(labels.items()))]

    for process in ("worker", "worker1"):
        assert value("dcp_records_total", outcome="read", pipeline="default/one", process=process) == 3
        assert value("process_resident_memory_bytes", pipeline="one", process=process) == 1.5e7
        assert value("text", of='a "quoted" {brace}, pipeline=no', pipeline="one", process=process) == 1
    assert value("dcp_up_process", pipeline="two", process="fetcher") == 0
    assert (value("dcp_up_pipeline_running", pipeline="one"), value("dcp_up_pipeline_running", pipeline="b")) == (1, 0)
    assert value("dcp_up_start_time_seconds") == 1000
    assert len(found) == 2 * 3 + 3 + 2 * 2 + 1
