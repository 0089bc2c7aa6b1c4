"""SQLite: a file beside the process. Start at room.py."""

from dcp_pipeline.dialects import Facts

FACTS = Facts(name="sqlite", schemes="sqlite", example="sqlite:///PATH", is_file=True)
