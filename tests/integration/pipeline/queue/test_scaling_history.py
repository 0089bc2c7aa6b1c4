"""What the operator decided, for those who look later: each change once, bounded."""

from __future__ import annotations

from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server
from dcp_pipeline.observe import scaling_note
from dcp_pipeline.observe.scaling_note import ScalingNote, history_commands, read_history, read_note
from support.redis_server import redis_server


def note(at: float, replicas: int) -> ScalingNote:
    return ScalingNote(at=at, replicas=replicas, cause="Backlog", reason="why")


async def test_only_what_changes_the_number_is_history() -> None:
    with redis_server() as server:
        client, reader = server.client(), QueueReader(Reach(("127.0.0.1",)))
        for at, replicas in enumerate((1, 1, 4, 4, 0, 4)):
            notes = {"a.b": note(at, replicas), "c.d": note(at, 2)}
            await reader.leave_notes(Server(server.url), notes, ["a.b"])
        reader.close()
        assert [(each.at, each.replicas) for each in read_history(client, "a.b")] == [(0, 1), (2, 4), (4, 0), (5, 4)]
        assert read_history(client, "c.d") == []
        assert (read_note(client, "a.b"), read_note(client, "c.d")) == (note(5, 4), note(5, 2))
        for at in range(scaling_note.MOST_KEPT + 10):
            for command in history_commands("a.b", note(at, at % 2)):
                client.execute_command(*command)
        history = read_history(client, "a.b")
        assert len(history) == scaling_note.MOST_KEPT
        assert history[-1].at == scaling_note.MOST_KEPT + 9
        client.lpush(client.keys("*a.b*scaling-history")[0], b"\xff of another release")
        assert read_history(client, "a.b")[-1] == history[-1]
        assert {client.ttl(key) > 0 for key in client.keys("*")} == {True}
