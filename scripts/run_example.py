"""`make run`: serve the bundled example feed on loopback, clean it with `dcp run --once`, verify the books."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
DCP = [sys.executable, "-m", "dcp_cli"]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        return


def serve() -> ThreadingHTTPServer:
    """The example feed at the port that the spec names; at a free one where that is taken."""
    handler = functools.partial(QuietHandler, directory=str(EXAMPLES / "feed"))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", 8000), handler)
    except OSError:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def step(*command: str) -> int:
    """Show and run one command of dcp."""
    print(f"\n$ dcp {' '.join(command)}", flush=True)
    return subprocess.call([*DCP, *command])


def main() -> int:
    server = serve()
    port = server.server_address[1]
    spec = EXAMPLES / "botnet.yaml"
    with tempfile.TemporaryDirectory(prefix="dcp-example-") as folder:
        if port != 8000:
            print(f"port 8000 is taken: the feed is served on {port}, and a copy of the spec says so")
            copy = Path(folder) / "botnet.yaml"
            text = spec.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{port}")
            copy.write_text(text.replace("path: country.mmdb", f"path: {EXAMPLES / 'country.mmdb'}"))
            spec = copy
        print(f"the example feed is at http://127.0.0.1:{port}/sinkhole/")
        database = ROOT / "build" / "example.db"
        database.parent.mkdir(exist_ok=True)
        for stale in database.parent.glob("example.db*"):
            stale.unlink()
        where = ("--sink", f"sqlite:///{database}")
        shown = str(spec.relative_to(ROOT) if spec.is_relative_to(ROOT) else spec)
        status = step("run", shown, "--once", *where) or step("verify", shown, *where)
    server.shutdown()
    print(f"\nthe rows are in {database.relative_to(ROOT)}, table botnet" if status == 0 else "\nthe run failed")
    return status


if __name__ == "__main__":
    sys.exit(main())
