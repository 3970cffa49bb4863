"""What events tell of their contact, in whatever order they come; on both stores."""

from collections.abc import Mapping

import msgspec
import pytest

from router.instants import MINUTE
from router.messages import Occurrence
from router.store.engine import Store
from tests.support.routing import JAN, NOW, Phones, book_of

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

contact
    naam text
    stad text

on event order
    tag klant
"""


@pytest.fixture
def phones(store: Store) -> Phones:
    return Phones(store, book_of(("shop.rules", RULES)))


def tell(phones: Phones, name: str, after: int, **attributes: str) -> str:
    """An event that happened so many minutes after NOW, however late it is told; gives its row's fault."""
    now = phones.world.now()
    one = Occurrence(
        id=phones.world.ids.next(now), brand="Shop", address=JAN, name=name, source="api", at=NOW + after * MINUTE,
        received_at=now, attributes=attributes,
    )  # fmt: skip
    phones.commit(occurrences=[one])
    return str(phones.table("events")[-1]["fault"])


def known(phones: Phones) -> Mapping[str, str]:
    found: Mapping[str, str] = msgspec.json.decode(phones.table("profiles")[0]["attributes"])
    return found


def test_a_late_event_tells_what_no_newer_one_of_its_name_told(phones: Phones) -> None:
    phones.later(9 * MINUTE)
    assert tell(phones, "order", 3) == ""
    assert tell(phones, "order", 4, stad="Ede") == ""
    assert tell(phones, "profiel", 8, naam="Piet", stad="Goes") == "", "another name's"
    late = tell(phones, "order", 2, naam="Jan", stad="Breda")
    assert late == "came late, after a newer event of that name that tells it too: stad"
    assert known(phones) == {"naam": "Jan", "stad": "Goes"}
    assert tell(phones, "order", 1, naam="Kees", stad="Tiel").endswith("too: naam, stad")
    assert tell(phones, "order", 5, naam="Roos") == ""
    assert known(phones) == {"naam": "Roos", "stad": "Goes"}


def test_of_events_of_before_it_was_kept_what_they_told_any_may_have_been_told(phones: Phones) -> None:
    phones.later(9 * MINUTE)
    tell(phones, "order", 3, stad="Ede")
    with phones.store.begin() as tx:
        tx.write("UPDATE events SET told = NULL")
    assert tell(phones, "order", 2, naam="Jan").endswith("too: naam")
    assert known(phones) == {"stad": "Ede"}
