"""Property tests have no deadline an example: on a busy machine it would fail what is right."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
