"""A vote on television: ten thousand phones in a minute, each of which counts once, and then it is closed."""

import pytest

from router.instants import HOUR, MINUTE, SECOND
from router.store.engine import Store
from tests.support.audience import Audience, numbers, row

PHONES = 10_000
CLOSES = 8 * HOUR + 30 * MINUTE
"""From 12:00 UTC to half past nine in the evening in Amsterdam."""


def tally(crowd: Audience) -> dict[str, int]:
    """The votes as `kwek stats` tells them."""
    (vote,) = [one for one in crowd.report()["votes"] if one["name"] == "stem"]
    assert vote["contacts"] == sum(one["votes"] for one in vote["choices"])
    return {one["value"]: one["votes"] for one in vote["choices"]}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # the load is the router's; a server would take turns
def test_capability_17_ten_thousand_phones_vote_in_a_minute_and_each_counts_once(store: Store) -> None:
    crowd, everybody = Audience(store, row("17"), "Radio Zeven"), numbers(PHONES)
    crowd.later(CLOSES - MINUTE)
    thirds = [everybody[place::3] for place in range(3)]
    for who, choice in zip(thirds, "AAB", strict=True):
        crowd.write(who, f"STEM {choice}")
        crowd.later(15 * SECOND)
        assert sum(tally(crowd).values()) == sum(len(one) for one in thirds[: thirds.index(who) + 1])  # while it runs
    crowd.write(thirds[0][:500], "stem b!")  # again, and for the other one
    counted = {"a": len(thirds[0]) + len(thirds[1]), "b": len(thirds[2])}
    assert tally(crowd) == counted
    assert crowd.last(thirds[0][0]) == "Radio Zeven: u heeft al gestemd."
    crowd.later(15 * SECOND)
    late = numbers(500, first=PHONES)
    crowd.write(late, "STEM B")
    assert tally(crowd) == counted
    assert {crowd.last(one) for one in late} == {"Radio Zeven: de stemming is gesloten. Dank u!"}
    assert {len(crowd.texts(one)) for one in everybody[1::3]} == {1}
    (keyword,) = crowd.report("keyword")["rows"]
    assert (keyword["texts_in"], keyword["contacts"], keyword["new"], keyword["sent"]) == (
        11_000,
        10_500,
        10_500,
        11_000,
    )
