"""Broken Routes of every sort, by family: what a team puts on a shared Gateway, and what its own status then says."""

from __future__ import annotations

from tests.broken import around, requests
from tests.broken.team import HOST, PER_NAMESPACE, RULES, SORTS, TARGET_GROUPS, Says, Sort

__all__ = ["FAMILIES", "HOST", "PER_NAMESPACE", "RULES", "SORTS", "TARGET_GROUPS", "Says", "Sort", "around", "requests"]

FAMILIES = ("match", "filter", "backend", "TLS", "policy", "quota", "refusal")
