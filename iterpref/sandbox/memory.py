"""How much memory the processes of one program hold together, read from /proc by the fork server."""

from __future__ import annotations

import os
import resource

__all__ = ["address_space_mb", "used_mb"]

_MUCH_SHARED = 2048  # pages; what programs load besides the server's libraries is less


def used_mb() -> int:
    """Memory of all processes of the job together, without what they share with this server."""
    private, shared = _pages("self")
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit() and entry != "1":
            own, common = _pages(entry)
            total += max(0, own - private)
            if common > shared + _MUCH_SHARED:
                total += _part_of_shared_memory(entry)
    return total * resource.getpagesize() >> 20


def _pages(process: str) -> tuple[int, int]:
    """Private pages of a process, and those that it shares with others or with files."""
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as file:
            _, resident, shared, *_ = file.read().split()
    except OSError:  # it has just ended
        return 0, 0
    return int(resident) - int(shared), int(shared)


def _part_of_shared_memory(process: str) -> int:
    """Pages of shared memory, each divided by the number of processes that have it."""
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
            sizes = [int(line.split()[1]) << 10 for line in file if line.startswith("Pss_Shmem:")]
    except OSError:
        return 0
    return sum(sizes) // resource.getpagesize()


def address_space_mb() -> int:
    """What this process has mapped, 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize() >> 20
    except OSError:
        return 0
