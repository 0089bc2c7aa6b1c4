"""What a run says of itself when it begins."""

from __future__ import annotations

from importlib.metadata import version

from sqlalchemy import make_url

from dcp_pipeline.redis_url import shown
from dcp_pipeline.setup import Setup


def opening_line(setup: Setup, metrics: str | None) -> tuple[object, ...]:
    """The arguments of a log call: version, sources, queue, sink, and where the metrics are."""
    pipeline = setup.pipeline
    redis = pipeline.spec.queue.redis
    return (
        "dcp %s runs %s: sources %s; queue %s; sink table %s in %s; metrics %s",
        version("datacleaning-pipelines"),
        pipeline.key,
        ", ".join(each.name for each in pipeline.spec.sources),
        f"{pipeline.queue_name} in {shown(redis.url)}" if redis else "embedded",
        pipeline.table,
        make_url(setup.sink_url).render_as_string(),
        f"at {metrics}" if metrics else "none (--health-port)",
    )
