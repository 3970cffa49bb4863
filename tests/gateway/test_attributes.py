"""What a shop's system says of a contact is what the rules declare, or it is told what would be right."""

from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest

from gateway.web.attributes import EXAMPLES, MOST, NotAnAttribute, attributes_of
from tests.support.hosted import Site

DECLARED = {
    "naam": "text", "maat": "number", "geboren": "date", "belt": "time", "mail": "email", "vast": "phone",
    "stad": "word",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "written", "kept"),
    [
        ("naam", "Jan de Vries", "Jan de Vries"),
        ("maat", 42, 42),
        ("maat", Decimal("42.5"), Decimal("42.5")),
        ("maat", Decimal("42.0"), 42),
        ("geboren", "2000-02-29", date(2000, 2, 29)),
        ("belt", "09:30", time(9, 30)),
        ("mail", "jan@example.org", "jan@example.org"),
        ("vast", "+31612345678", "+31612345678"),
        ("stad", "Breda", "Breda"),
    ],
)
def test_what_is_declared_is_taken(name: str, written: Any, kept: Any) -> None:
    assert attributes_of({name: written, **{other: None for other in DECLARED if other != name}}, DECLARED) == {
        name: kept
    }


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("naam", 5), ("naam", ""), ("naam", "a\nb"), ("naam", "x" * 1_001), ("maat", "42"), ("maat", True),
        ("maat", 10**40), ("maat", Decimal("1E+50")), ("geboren", "29-02-2000"), ("geboren", "2001-02-29"),
        ("geboren", 20000229), ("belt", "9"), ("belt", "09:30+02:00"), ("belt", "half tien"), ("mail", "jan"),
        ("vast", "0612345678"), ("stad", "Den Haag"), ("naam", ["Jan"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_what_would(name: str, written: Any) -> None:
    with pytest.raises(NotAnAttribute) as told:
        attributes_of({name: written}, DECLARED)
    assert str(told.value) == f"contact.{name} is a {DECLARED[name]}: write it as {EXAMPLES[DECLARED[name]]}"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "`attributes` is an object"),
        ({"leeftijd": 5}, "declare no contact.leeftijd; they declare belt, geboren,"),
        ({f"a{number}": 1 for number in range(MOST + 1)}, "at most 50 attributes; this has 51"),
    ],
)
def test_what_is_no_attribute_is_told(found: Any, why: str) -> None:
    with pytest.raises(NotAnAttribute, match=why):
        attributes_of(found, DECLARED)


async def test_an_event_brings_them_and_is_refused_whole_where_one_does_not_fit(site: Site) -> None:
    event: dict[str, Any] = {"contact": "+31612345678", "name": "klant", "attributes": {"naam": "Jan"}}
    key = site.key()
    async with site.client.post("/v1/events", json=event, headers=key) as answer:
        assert answer.status == 422
        assert "declare no contact.naam; they declare none" in (await answer.json())["detail"]
    site.declared = DECLARED
    for attributes, status in (({"naam": "Jan", "geboren": "2000-02-29"}, 202), ({"geboren": "ooit"}, 422)):
        event["attributes"] = attributes
        async with site.client.post("/v1/events", json=event, headers=key) as answer:
            assert answer.status == status
    (taken,) = site.writer.taken
    assert taken.attributes == {"naam": "Jan", "geboren": date(2000, 2, 29)}
