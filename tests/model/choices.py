"""What the rules of machine.py choose from."""

from __future__ import annotations

from hypothesis import strategies as st

from dcp_pipeline.queue import RetryPolicy
from model.steered_redis import Fault

LEASE_SECONDS = 300
"""Far longer than a history takes, for what the server expires itself still follows its own clock as well."""
POLICY = RetryPolicy(max_attempts=3, max_crashes=2, base_delay_seconds=200, max_delay_seconds=500)
NAMES = [f"job{number}" for number in range(5)]
IDS = st.sampled_from(NAMES)
WORKERS = st.sampled_from(["w1", "w2"])
STEPS = st.sampled_from([100, 200, 400])
FAULTS = st.sampled_from([None] * 7 + list(Fault))
PLACES = st.sampled_from([1, 1, 1, 2, 3])
AFTERWARDS = st.sampled_from(["repeat", "repeat", "go on", "die"])
PIPELINES = st.sampled_from(["default/a", "default/a", "default/a", ""])
