"""Hostile input at full size: worlds that the CRDs allow, through the whole walk, in two orders each."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.property.crd_walk import walk
from tests.property.crd_worlds import worlds

CASES = 20_000
_BATCH = 500
_PHASES = (Phase.generate,)


def prove_crd_worlds(cases: int = CASES, start: int = 0) -> tuple[int, int]:
    """Walk that many worlds; return how many, and the objects in them. Raises what the first one that failed raised."""
    batches = [(start + number, min(_BATCH, cases - number)) for number in range(0, cases, _BATCH)]
    with ProcessPoolExecutor(min(len(batches), os.cpu_count() or 1)) as pool:
        walked = list(pool.map(walk_batch, batches))
    return sum(count for count, _ in walked), sum(objects for _, objects in walked)


def walk_batch(batch: tuple[int, int]) -> tuple[int, int]:
    """Walk the worlds of one seed in this process."""
    number, cases = batch
    counts = [0, 0]

    @seed(number)
    @settings(max_examples=cases, deadline=None, database=None, phases=_PHASES, suppress_health_check=list(HealthCheck))
    @given(worlds(), st.randoms(use_true_random=False))
    def one(world: list[dict[str, Any]], random: Any) -> None:
        counts[0] += 1
        counts[1] += len(world)
        assert walk(world) == walk(random.sample(world, len(world)))

    one()
    return counts[0], counts[1]


def main() -> int:
    """Prove it and say how much was walked."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    walked, objects = prove_crd_worlds(cases, start)
    sys.stdout.write(f"{walked} worlds with {objects} objects walked twice: no exception, every status valid\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
