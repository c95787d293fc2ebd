"""The most memory that this process ever had."""

from __future__ import annotations

import resource
from pathlib import Path

_KIB = 1024
_STATUS = Path("/proc/self/status")


def peak_megabytes() -> float:
    """Return the peak of the resident memory in MB; on Linux `ru_maxrss` counts what the parent had, too."""
    if _STATUS.exists():
        line = next(one for one in _STATUS.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / _KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
