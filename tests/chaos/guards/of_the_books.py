"""Guards of the books and of the queue."""

from __future__ import annotations

from chaos.guards.guard import Mutation, Patch, chain, guard, kills, schedule, seeds, tests
from dcp_pipeline.observe.phases import Phase

OF_THE_BOOKS = (
    Mutation(
        "the ledger check: a batch that is done is done again",
        (
            Patch(
                "pipeline/dcp_pipeline/ledger/claims.py",
                """        BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value
    )
    values = {"state": BatchState.DONE""",
                """        BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline
    )
    values = {"state": BatchState.DONE""",
            ),
            Patch(
                "pipeline/dcp_pipeline/ledger/claimed_together.py",
                "    if state == BatchState.CUT.value:\n        return ClaimKind.CLAIMED",
                "    if state is not None:\n        return ClaimKind.CLAIMED",
            ),
            Patch(
                "pipeline/dcp_pipeline/ledger/claimed_together.py",
                "statement.where(BATCHES.c.state == BatchState.CUT.value).values(",
                "statement.values(",
            ),
        ),
        seeds(kills(Phase.COMMITTED)),
    ),
    Mutation(
        "commit before acknowledgement: the queue is told first",
        (
            Patch(
                "worker/dcp_worker/loop.py",
                "            return self._clean_and_commit(batch)",
                """            self._parts.queue.exchange(self._claimant, [lease], 0)
            return self._clean_and_commit(batch)""",
            ),
            Patch(
                "worker/dcp_worker/loop.py",
                "            verdicts = settle_together(parts, leases)",
                """            parts.queue.exchange(self._claimant, leases, 0)
            verdicts = settle_together(parts, leases)""",
            ),
        ),
        # Where the feed still has the file, the fetcher reads again what the queue has lost, and nothing shows.
        chain(
            schedule("feed-withdraws"),
            seeds(lambda plan: plan.withdraws and kills(Phase.CLEANED, Phase.INSERTED)(plan)),
        ),
    ),
    Mutation(
        "the lease's renewal: a batch is given away while its worker lives",
        (
            Patch(
                "pipeline/dcp_pipeline/queue/leases.py",
                "lost = self._queue.extend(renewed) if renewed else frozenset()",
                "lost: frozenset[str] = frozenset()",
            ),
        ),
        schedule("batch-takes-twice-its-lease"),
    ),
    Mutation(
        "the fencing token: a worker that woke up acts on a batch that another holds",
        (
            Patch(
                "pipeline/dcp_pipeline/queue/lua/common.lua",
                "redis.call('HGET', JOB .. id, 'token') == token and",
                "redis.call('HGET', JOB .. id, 'token') ~= false and",
            ),
            Patch(
                "pipeline/dcp_pipeline/queue/lua/exchange.lua",
                "if job[1] == token and redis.call",
                "if job[1] and redis.call",
            ),
        ),
        # The ledger stands behind the token, so no row shows its absence: only the queue's own tests do.
        tests("tests/integration/pipeline/queue/test_failures.py", "tests/model/test_queue.py"),
    ),
    guard(
        "a cut stands behind the one before it: after lost commits it leaves a gap",
        "pipeline/dcp_pipeline/ledger/objects.py",
        "            _follows(object_id, recorded, standing.get(cut.sequence - 1), cut)\n",
        "",
        chain(tests("tests/integration/pipeline/ledger/test_went_back.py"), schedule("mariadb-failed-over")),
    ),
    guard(
        "an object is closed with all its cuts: after lost commits its end is missing",
        "pipeline/dcp_pipeline/ledger/objects.py",
        "    if recorded != having_cuts:\n",
        "    if False:\n",
        tests("tests/integration/pipeline/ledger/test_went_back.py"),
    ),
    guard(
        "the epoch: an object that was forgotten whole is not looked for",
        "pipeline/dcp_pipeline/ledger/epoch.py",
        "self._went_back |= at < remembered",
        "self._went_back |= False",
        tests("tests/integration/pipeline/ledger/test_went_back.py"),
    ),
    guard(
        "the ledger's word on a batch: forged ones are written",
        "worker/dcp_worker/sink/writer.py",
        "        claims.check(connection, [batch])\n",
        "",
        chain(tests("tests/integration/worker/sink/test_forged.py"), schedule("batch-forged")),
    ),
    guard(
        "tried alone: a poison batch takes its neighbour along",
        "pipeline/dcp_pipeline/queue/lua/exchange.lua",
        " and job[3] == job[4] then",
        " then",
        tests("tests/integration/pipeline/queue/test_alone.py"),
    ),
    guard(
        "the queue's owner: another pipeline's worker is given batches",
        "pipeline/dcp_pipeline/queue/lua/exchange.lua",
        "local owner = pipeline ~= '' and redis.call",
        "local owner = false and redis.call",
        tests("tests/integration/pipeline/queue/test_alone.py"),
    ),
    guard(
        "the indexes are compared: a job that fell out of one waits for ever",
        "pipeline/dcp_pipeline/queue/lua/mend.lua",
        "        make_ready(id)\n",
        "",
        chain(tests("tests/integration/pipeline/queue/test_mend.py"), schedule("redis-evicts")),
    ),
    guard(
        "the dead are compared: a ledger that went back never hears of a death",
        "worker/dcp_worker/chores.py",
        "frozenset() if self._runs % _ALL_EVERY_RUNS == 1 else self._seen",
        "self._seen",
        tests("tests/integration/worker/test_dead.py"),
    ),
)
