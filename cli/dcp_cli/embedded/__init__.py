"""What `dcp run` keeps on this machine: the lock and the notes of its state folder, and a Valkey server of its own.

state.py has the state folder, folder.py the server's own one, valkey.py the server.
"""

from dcp_cli.embedded.state import StateFolder
from dcp_cli.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedValkey", "StateFolder"]
