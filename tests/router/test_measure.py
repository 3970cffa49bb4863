"""A period is read page by page, with nothing before it, nothing left out and nothing twice."""

from random import Random
from typing import Any

import pytest

from router import ledger, links, measure
from router.instants import DAY, HOUR, MINUTE
from router.ledger import Record
from router.measure import MOST_VALUES, OTHER, Measured, Pages, Period, entries, is_score
from router.measure import measure as measured_of
from router.store import statements_statistics as sql
from router.store.engine import Store
from router.store.reading import open_reader
from router.totals import Figures
from router.world import first_id_at
from rules.links import read
from tests.support.figures import PRICES
from tests.support.routing import JAN, KEES, NOW, PIET, Phones

WEEK = Period(NOW - HOUR, NOW + 7 * DAY)
RULE = "Shop/keyword JOIN"


@pytest.fixture(params=[2, 5_000])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that end in the middle of things, and pages that hold everything."""
    monkeypatch.setattr(measure, "PAGE", request.param)


def total(found: Measured) -> Figures:
    figures = Figures()
    for one in found.counting.figures.values():
        figures.add(one)
    return figures


def consent(store: Store, phones: Phones, *records: dict[str, Any]) -> None:
    known: dict[str, Any] = {"msisdn": JAN, "brand": "Shop", "method": "keyword", "message_class": "promotional"}
    with store.begin() as tx:
        events = [Record(**{**known, "at": phones.world.now(), **one}) for one in records]
        ledger.append(tx, events, phones.world.ids, phones.world.now(), Random(1).random)


@pytest.mark.usefixtures("page")
def test_what_the_router_wrote_is_counted_whatever_the_pages(phones: Phones, store: Store) -> None:
    for sender in (JAN, PIET, KEES):
        for text in ("JOIN", "STEM rood", "NAAM Jan", "wat is dit"):
            phones.later(MINUTE)
            for claim in phones.write(sender, text):
                phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}")])
    phones.write(PIET, "STOP")
    found = measured_of(Pages(store), WEEK, PRICES)
    figures = total(found)
    jan, piet, kees = (row["id"] for row in phones.table("contacts"))
    assert (figures.sent, figures.texts) == (9, 10)
    assert figures.waiting == 1
    assert found.counting.stopped == {"Shop": {piet}}
    assert figures.opted_out == 1
    assert {rule: (came.texts, len(came.contacts)) for (_, rule), came in found.counting.texted.items()} == {
        f"Shop/{head}": (3, 3)
        for head in (
            "keyword JOIN",
            "keyword STEM <keuze word>",
            "keyword NAAM <name word>",
            "fallback",
        )
    }
    assert found.noted["Shop", "keuze"].values == {jan: "rood", piet: "rood", kees: "rood"}
    assert sorted(found.samples.values())[-1] == "Welkom!"
    assert total(measured_of(Pages(store), WEEK, PRICES, "Other")).texts == 0
    assert total(measured_of(Pages(store), Period(NOW + DAY, NOW + 2 * DAY), PRICES)).texts == 0
    assert entries(Pages(store), WEEK, "Shop", "keuze") == [JAN, PIET, KEES]


@pytest.mark.usefixtures("page")
def test_joins_are_credited_to_the_keyword_and_opt_outs_on_the_web_to_the_last_text(
    phones: Phones, store: Store
) -> None:
    claims, texts = [], []
    for sender in (JAN, PIET, KEES):
        phones.later(MINUTE)
        texts.append(phones.text(sender, "JOIN"))
        claims += phones.commit(inbound=[texts[-1]]).claims
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])
    jan, piet, kees = (row["id"] for row in phones.table("contacts"))
    phones.later(-DAY)
    consent(store, phones, {"contact_id": 9, "action": "import", "method": "import"})
    phones.later(DAY + MINUTE)
    consent(
        store, phones,
        {"contact_id": jan, "action": "grant", "pending": True, "mo_id": texts[0].id},
        {"contact_id": jan, "action": "confirm", "mo_id": texts[0].id},
        {"contact_id": piet, "action": "grant", "mo_id": texts[1].id},
        {"contact_id": kees, "action": "grant", "mo_id": 5},
        {"contact_id": kees, "action": "revoke", "method": "web"},
    )  # fmt: skip
    consent(store, phones, {"contact_id": jan, "action": "revoke", "brand": "Other"})
    found = measured_of(Pages(store), WEEK, PRICES)
    assert found.counting.texted["Shop", RULE].joined == {jan, piet}
    assert found.counting.stopped == {"Shop": {kees}, "Other": {jan}}
    assert total(found).opted_out == 1
    only = measured_of(Pages(store), WEEK, PRICES, "Shop")
    assert only.counting.stopped == {"Shop": {kees}}
    later = measured_of(Pages(store), Period(phones.world.now() + HOUR, phones.world.now() + DAY), PRICES)
    assert later.counting.stopped == {}


@pytest.mark.usefixtures("page")
def test_clicks_come_from_the_links(phones: Phones, store: Store) -> None:
    claims = [claim for sender in (JAN, PIET, KEES) for claim in phones.write(sender, "JOIN")]
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])
    step = phones.table("outbox")[0]["step"]
    with store.begin() as tx:
        made = [
            links.make(code, read(f"tip{place} https://shop.example/a"), 1 + place % 3, "Shop", (7, RULE, step), NOW)
            for place, code in enumerate(links.fresh(tx, 5, Random(1).random))
        ]
        links.write(tx, made)
        # Two of one contact, one that two clicked in the same instant, one long after.
        for place, at in enumerate((MINUTE, MINUTE, 30 * DAY, MINUTE)):
            links.click(tx, [(made[place].code, NOW + at)])
    assert total(measured_of(Pages(store), WEEK, PRICES)).clicked == 2
    assert total(measured_of(Pages(store), WEEK, PRICES, "Other")).clicked == 0


def test_scores_and_votes_of_one_contact(phones: Phones, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    once = "0" if store.dialect == "sqlite" else "false"
    rows = [("nps", "3"), ("nps", "9"), ("nps", '"tien"'), ("nps", "11"), ("poll", '"a"'), ("poll", '"b"')]
    with store.begin() as tx:
        for place, (name, value) in enumerate(rows):
            tx.write(
                f"INSERT INTO records SELECT {first_id_at(NOW) + place}, 1, 'Shop', '{name}', '{{\"value\":{value}}}', "
                f"{once}, 'r', 0, {NOW}"
            )
        for contact in range(2, 6):
            tx.write(
                f"INSERT INTO records SELECT {first_id_at(NOW) + 100 + contact}, {contact}, 'Shop', 'poll', "
                f"'{{\"value\":\"c{contact}\"}}', {once}, 'r', 0, {NOW}"
            )
    found = measured_of(Pages(store), WEEK, PRICES).noted
    assert found["Shop", "nps"].scores == {1: 9}
    assert found["Shop", "nps"].values == {1: "tien"}
    assert found["Shop", "poll"].values[1] == "a"
    monkeypatch.setattr(measure, "MOST_VALUES", 3)
    found = measured_of(Pages(store), WEEK, PRICES).noted
    assert list(found["Shop", "poll"].values.values()) == ["a", "c2", OTHER, OTHER, OTHER]
    assert MOST_VALUES > 3
    assert (is_score("nps"), is_score("nps_winkel"), is_score("npsx")) == (True, True, False)


def test_a_reader_beside_the_gateway_reads_and_cannot_write(phones: Phones, store: Store) -> None:
    phones.write(JAN, "JOIN")
    reader = open_reader(store.url)
    looks: list[int] = []
    found = measured_of(Pages(reader, lambda: looks.append(1)), WEEK, PRICES)
    assert total(found).texts == 1
    assert len(looks) > 4
    with pytest.raises(Exception, match=r"read-?only"), reader.begin() as tx:
        tx.write("DELETE FROM outbox")
    phones.write(PIET, "JOIN")
    assert total(measured_of(Pages(reader), WEEK, PRICES)).texts == 2
    reader.close()
    assert len(phones.table("outbox")) == 2


def test_clicks_are_read_by_their_index(store: Store) -> None:
    """A link that nobody followed is not looked at."""
    text, order, constants = sql.clicked.compile(store.dialect)
    arguments = (5, "", 10, 100, *constants)
    with store.begin() as tx:
        if store.dialect == "sqlite":
            plan = str(tx.execute(f"EXPLAIN QUERY PLAN {text}", [arguments[place] for place in order]))
            assert "SEARCH links USING INDEX links_clicked" in plan
            assert "TEMP B-TREE" not in plan
        else:
            for way in ("seqscan", "bitmapscan", "sort"):
                tx.write(f"SET LOCAL enable_{way} TO off")
            plan = str(tx.execute(f"EXPLAIN {text}", [arguments[place] for place in order]))
            assert "Index Scan using links_clicked" in plan


def test_goals_after_the_last_text_read_the_events_of_their_time_and_a_row_for_each(store: Store) -> None:
    text, order, constants = sql.late_goals.compile(store.dialect)
    explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
    names: Any = '["purchase"]' if store.dialect == "sqlite" else ["purchase"]
    arguments = (5, "", 10, 100, names, *constants)
    with store.begin() as tx:
        if store.dialect == "postgresql":
            for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
                tx.write(f"SET LOCAL enable_{way} TO off")
        plan = "\n".join(str(row) for row in tx.execute(explain + text, [arguments[place] for place in order]))
    if store.dialect == "sqlite":
        assert "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
        assert "SEARCH enrolments USING PRIMARY KEY (contact_id=? AND brand=?)" in plan
    else:
        assert "Index Cond: ((id >= '5'::bigint) AND (id < '10'::bigint))" in plan
        assert "enrolments_pkey" in plan


def test_a_period_reads_only_its_own_rows(store: Store) -> None:
    """By the primary keys: what a week takes does not grow with the years before it."""
    texts = [(statement, (3,) if addresses else ()) for (addresses, _), statement in sql.SENT.items()]
    for statement, more in (*texts, (sql.came, ()), (sql.noted, ())):
        text, order, constants = statement.compile(store.dialect)
        arguments = (5, 10, 100, *more, *constants)
        explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
        with store.begin() as tx:
            if store.dialect == "postgresql":
                tx.write("SET LOCAL enable_seqscan TO off")
                tx.write("SET LOCAL enable_bitmapscan TO off")
            plan = "\n".join(str(row) for row in tx.execute(explain + text, [arguments[place] for place in order]))
        if store.dialect == "sqlite":
            assert "SCAN" not in plan
            assert "TEMP B-TREE" not in plan
            assert "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
        else:
            assert "Index Cond: ((id > '5'::bigint) AND (id < '10'::bigint))" in plan
