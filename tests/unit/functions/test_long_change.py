"""A change that takes longer than an invocation may: it goes on where it was, and that is no failure."""

from __future__ import annotations

from tests.long_change import HOSTS, SAMPLE, change_everything

TIMEOUT, RESERVE = 20.0, 5.0


def test_two_hundred_writes_at_three_a_second_end_after_several_runs_in_order_and_none_is_repeated() -> None:
    found = change_everything(TIMEOUT)

    assert (HOSTS, ()) == (found.rules, found.repeated)
    assert 2 * HOSTS + 3 == sum(found.writes), "the rules; one target group made and filled, another deleted"
    assert all(found.writes), "every run makes progress"
    assert 2 * HOSTS / 3 / TIMEOUT < found.runs <= 2 * HOSTS / 3 / (TIMEOUT - RESERVE) + 1
    assert () == found.traffic.wrong
    assert found.traffic.states > HOSTS, "asked between the writes"
    assert 2 * SAMPLE == found.traffic.turned, "/p and /p/x of each host"
    assert (1, 0, 0, 0) == (found.most_receives, found.dead, found.left, found.throttled)
