"""Stories told from many seeds: the counts of all, or the first seed whose story breaks the law."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


def tell_all(size: int, tell: Callable[[int], Counter[str]]) -> dict[str, int]:
    """Tell the stories of seeds 0 to `size` - 1; return their counts. Raises AssertionError, naming the seed."""
    total: Counter[str] = Counter()
    for seed in range(size):
        try:
            total.update(tell(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    return dict(total)
