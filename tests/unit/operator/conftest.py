"""A cluster in memory with one pipeline, and the operator around it."""

from __future__ import annotations

import base64

import pytest

from dcp_operator.ground.kinds import PIPELINE, SECRET
from support.fake_cluster import FakeCluster
from support.fake_operator import Operator
from support.pipelines import resource


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    for name, key in (("feed", "key"), ("redis", "password"), ("mariadb", "password")):
        data = {key: base64.b64encode(b"secret").decode()}
        cluster.put(SECRET, {"metadata": {"name": name, "namespace": "feeds"}, "data": data})
    cluster.put(PIPELINE, resource())
    return cluster


@pytest.fixture
async def operator(cluster: FakeCluster) -> Operator:
    operator = Operator(cluster)
    await operator.settle()
    return operator
