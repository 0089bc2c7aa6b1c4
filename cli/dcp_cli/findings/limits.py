"""What follows from numbers: clocks, memory, disks, connections, limits of the process. Pure."""

from __future__ import annotations

from dcp_cli.findings.finding import Finding, Findings, ok, warning, wrong

MOST_SKEW_SECONDS = 2.0
_MIB = 1 << 20
_LEAST_DISK_BYTES = 128 * _MIB
_GOOD_DISK_BYTES = 2048 * _MIB
FILES_WANTED = 1024
FETCHER_CONNECTIONS = 6
"""Of the fetcher, at most (docs/operations.md); a worker has two more than its concurrency."""


def skew(about: str, theirs: float, begun: float, ended: float) -> Finding:
    """Whether a server's clock agrees with ours: asked between `begun` and `ended`, all in seconds since 1970."""
    behind, ahead = begun - theirs, theirs - ended
    by = max(behind, ahead)
    if by <= MOST_SKEW_SECONDS:
        return ok(about, "agrees with this machine's")
    word = "behind" if behind > ahead else "ahead of"
    return warning(
        about,
        f"{by:,.0f} s {word} this machine's: ages, retries and `dcp status` are out by as much",
        "have both follow a time server (timedatectl set-ntp true)",
    )


def memory_for_queue(maxmemory: int, max_bytes: int) -> Findings:
    """Whether a queue of `max_bytes` has room in a server of `maxmemory` bytes (0: as much as there is)."""
    wanted = 2 * max_bytes
    if not maxmemory or maxmemory >= wanted:
        yield ok("queue.memory", "no maxmemory" if not maxmemory else f"maxmemory {maxmemory // _MIB:,} MiB")
        return
    full = f"{max_bytes // _MIB:,} MiB (queue.maxBytes)"
    says = f"maxmemory is {maxmemory // _MIB:,} MiB; a queue of {full} wants twice that"
    mend = f"CONFIG SET maxmemory {wanted}, or lower spec.queue.maxBytes"
    yield wrong("queue.memory", says, mend) if maxmemory < max_bytes else warning("queue.memory", says, mend)


def disk(about: str, folder: str, free_bytes: int) -> Finding:
    """Whether there is room where something is to be written."""
    says = f"{free_bytes // _MIB:,} MiB free in {folder}"
    if free_bytes < _LEAST_DISK_BYTES:
        return wrong(about, says, "free space there; what is in hand waits until there is some")
    return warning(about, says, "free space before it is full") if free_bytes < _GOOD_DISK_BYTES else ok(about, says)


def connections(most: int, used: int, concurrency: int, replicas: int) -> Finding:
    """Whether the server lets all workers in. `used`: by whoever, now."""
    wanted = replicas * (concurrency + 2) + FETCHER_CONNECTIONS
    says = (
        f"{wanted} are wanted for {replicas} worker processes and the fetcher; max_connections is {most}, {used} in use"
    )
    if wanted > most:
        return wrong("sink.connections", says, f"SET GLOBAL max_connections = {wanted + used}, or fewer workers")
    if wanted + used > most:
        return warning("sink.connections", says, f"SET GLOBAL max_connections = {wanted + used}, or fewer workers")
    return ok("sink.connections", says)


def open_files(soft: int | None) -> Finding:
    """The limit on open files; None: none."""
    if soft is None or soft >= FILES_WANTED:
        return ok("machine.files", f"{'any number of' if soft is None else f'{soft:,}'} open files are allowed")
    mend = f"ulimit -n {FILES_WANTED}; for a service LimitNOFILE={FILES_WANTED}"
    return warning("machine.files", f"only {soft:,} open files are allowed; {FILES_WANTED:,} are wanted", mend)


def file_size(soft: int | None) -> Findings:
    """The limit on the size of one file; None: none."""
    if soft is not None:
        says = f"no file may be larger than {soft // _MIB:,} MiB (ulimit -f): a database or spool that grows fails"
        yield warning("machine.files", says, "ulimit -f unlimited; for a service LimitFSIZE=infinity")


def address_space(soft: int | None) -> Findings:
    """The limit on virtual memory; None: none."""
    if soft is not None and soft < 4096 * _MIB:
        says = f"only {soft // _MIB:,} MiB of address space (ulimit -v): the libraries reserve more than they use"
        yield warning("machine.memory", says, "ulimit -v unlimited; limit memory by cgroup (MemoryMax=) instead")
