"""For all tests: how long an example takes says nothing on a busy machine, so Hypothesis sets no deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("routewright", deadline=None)
settings.load_profile("routewright")
