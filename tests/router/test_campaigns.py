"""Campaigns that run over weeks of virtual time, with many phones, and what the figures say of them afterwards."""

from decimal import Decimal
from random import Random

import pytest

from router.draws import draw
from router.instants import DAY, HOUR, MINUTE
from router.measure import Pages, Period, entries
from router.prices import Price, Prices
from router.store.engine import Store
from tests.support.audience import Audience, example, numbers, row
from tests.support.routing import NOW

PRICES = Prices([Price("carrier", "", Decimal("0.07"), "EUR")])
TAGS = "SELECT address, tags FROM profiles JOIN contacts ON contacts.id = contact_id"
PROEF, MAGAZIJN, REUS = "Proef B", "Het Magazijn", "De Reus"


def test_capability_16_joins_conversions_and_cost_by_keyword(store: Store) -> None:
    crowd = Audience(store, row("16"), MAGAZIJN, PRICES)
    board, web = numbers(6), numbers(4, first=100)
    crowd.write(board, "offer99")
    crowd.write(web, "OFFER66")
    crowd.write([*board[:5], *web[:2]], "ja")
    crowd.later(2 * DAY)
    crowd.happen([*board[:3], web[0], web[3]], "purchase")  # web[3] has never agreed, and is in no drip
    crowd.later(2 * DAY)
    rows = {one["keyword"]: one for one in crowd.report("keyword")["rows"]}
    told = {
        keyword: (one["texts_in"], one["contacts"], one["new"], one["joined"], one["converted"], one["cost"]["EUR"])
        for keyword, one in rows.items()
    }
    # Of the board 6 questions, 5 first texts and 2 second ones: who bought was written to no more.
    assert told == {"OFFER99": (11, 6, 6, 5, 3, "0.91"), "OFFER66": (6, 4, 4, 2, 1, "0.49")}
    head, *lines = [line.split() for line in crowd.page("keyword") if line.startswith(("keyword", "OFFER"))]
    assert head[:5] == ["keyword", "came", "in", "contacts", "new"]
    assert [line[0] for line in lines] == ["OFFER66", "OFFER99"]


def test_capability_20_new_and_known_numbers_are_counted(store: Store) -> None:
    crowd = Audience(store, row("19"), "De Club")
    crowd.write(numbers(3), "JOIN")
    crowd.later(HOUR)
    crowd.write(numbers(8), "YES2OFFER")
    crowd.write(numbers(8), "ja")
    (offer,) = [one for one in crowd.report("keyword")["rows"] if one["keyword"] == "YES2OFFER"]
    assert (offer["contacts"], offer["new"]) == (8, 5)
    sent = {one["text"]: one["sent"] for one in crowd.report("step")["rows"] if one["rule"] == "keyword YES2OFFER"}
    assert sent == {"Welkom! Wilt u op onze lijst?": 5, "U staat op de lijst.": 5, "Welkom terug!": 3}


def test_capability_22_a_drip_that_ran_is_reported_by_arm(store: Store) -> None:
    crowd, chance, everybody = Audience(store, row("22"), PROEF), Random(22), numbers(240)
    crowd.agree(everybody)
    crowd.write(everybody, "WIJN")
    arms = {name: [one for one in everybody if name in crowd.last(one)] for name in ("50% KORTING", "2FOR1")}
    crowd.later(DAY)
    bought = {name: chance.sample(arms[name], count) for name, count in (("50% KORTING", 24), ("2FOR1", 12))}
    crowd.happen([one for who in bought.values() for one in who], "purchase")
    crowd.later(3 * DAY)
    (split,) = [one for one in crowd.report("step")["splits"] if one["split"] == "wijn"]
    assert (split["measure"], split["event"], split["winner"]) == ("happened", "purchase", None)
    assert {one["arm"]: (one["contacts"], one["hits"]) for one in split["arms"]} == {
        "korting": (len(arms["50% KORTING"]), 24), "tweevooreen": (len(arms["2FOR1"]), 12),
    }  # fmt: skip
    assert all(low < one["rate"] < high for one in split["arms"] for low, high in [one["interval"]])
    assert split["contacts_needed"] > 0
    rows = {one["arm"]: one["converted"] for one in crowd.report("arm")["rows"]}
    assert rows == {"wijn=korting": 24, "wijn=tweevooreen": 12}
    after = {one["arm"]: one["sent"] for one in crowd.report("step")["rows"] if "nog tot zondag" in one["text"]}
    assert after == {
        "wijn=korting": len(arms["50% KORTING"]) - 24, "wijn=tweevooreen": len(arms["2FOR1"]) - 12,
    }  # fmt: skip
    page = "\n".join(crowd.page("arm"))
    assert "Split wijn (drip wijn, Proef B): who met with purchase" in page
    assert "no winner yet" in page


def test_capability_23_the_better_arm_of_many_phones_goes_to_the_rest(store: Store) -> None:
    crowd, everybody = Audience(store, row("22"), PROEF), numbers(500)
    crowd.agree(everybody)
    crowd.happen(everybody, "proef")
    sample = sorted(crowd.got)
    assert 30 <= len(sample) <= 70  # a tenth, by the hash of their numbers
    short, long = ([one for one in sample if word in crowd.last(one)] for word in ("kijk", "lees alles"))
    assert len(short) + len(long) == len(sample)
    assert min(len(short), len(long)) >= 10
    crowd.later(HOUR)
    crowd.click([*long[:8], *short[:1]])
    crowd.later(2 * HOUR + 59 * MINUTE)
    assert sorted(crowd.got) == sample
    crowd.later(MINUTE)
    rest = [one for one in everybody if one not in set(sample)]
    assert all(crowd.last(one).startswith("Proef B: lees alles https://sms.example/l/") for one in rest)
    crowd.later(DAY)
    assert {len(crowd.texts(one)) for one in everybody} == {1}
    (split,) = [one for one in crowd.report()["splits"] if one["split"] == "kop"]
    assert {one["arm"]: one["hits"] for one in split["arms"]} == {"kort": 1, "lang": 8}


def test_capability_68_all_ways_down_the_ladder_at_once(store: Store) -> None:
    crowd = Audience(store, example("bloemen"), "Bloemen van Roos")
    everybody = numbers(30)
    question, contest, voucher, leaves, never = (everybody[start : start + 6] for start in range(0, 30, 6))
    crowd.agree(everybody)
    crowd.write(everybody, "hallo")
    crowd.later(30 * DAY + HOUR)
    assert {crowd.last(one)[:36] for one in everybody} == {"Bloemen van Roos: wat vindt u van on"}
    crowd.click(question)
    crowd.write(leaves, "STOP")
    crowd.later(28 * DAY)  # who clicked has been active since
    crowd.later(3 * DAY)
    crowd.click(contest)
    crowd.later(29 * DAY)
    crowd.click([one for one in voucher if "25% korting" in crowd.last(one)])
    crowd.later(26 * DAY)
    got = {name: {len(crowd.texts(one)) for one in who} for name, who in (("voucher", voucher), ("never", never))}
    assert got == {"voucher": {4}, "never": {4}}  # the fallback's answer, question, contest and voucher
    assert not any("korting" in text for one in (*question, *contest, *leaves) for text in crowd.texts(one)[:3])
    crowd.later(10 * DAY)
    before = {one: len(crowd.texts(one)) for one in (*leaves, *never)}
    crowd.later(100 * DAY)
    assert {one: len(crowd.texts(one)) for one in (*leaves, *never)} == before
    tags = {row["address"]: row["tags"] for row in crowd.phones.query(TAGS, ("address", "tags"))}
    assert all("weg" in tags[one] for one in never)
    assert not any("weg" in tags[one] for one in (*question, *contest, *voucher))


def test_capability_69_who_never_clicks_is_unsubscribed_and_costs_nothing_more(store: Store) -> None:
    crowd, everybody = Audience(store, row("69"), REUS, PRICES), numbers(10)
    crowd.agree(everybody)
    crowd.write(everybody, "TERUG")
    crowd.click(everybody[:3])
    crowd.later(31 * DAY)
    crowd.click(everybody[3:5])
    crowd.later(60 * DAY)
    assert [len(crowd.texts(one)) for one in everybody] == [1, 1, 1, 2, 2, 2, 2, 2, 2, 2]
    spent = crowd.report(days=200)["total"]["cost"]
    crowd.happen(everybody, "actie")
    assert [len(crowd.texts(one)) for one in everybody] == [2, 2, 2, 3, 3, 2, 2, 2, 2, 2]
    assert crowd.reasons() == ["no_consent(promotional)"] * 5
    more = crowd.report(days=200)["total"]
    assert (Decimal(more["cost"]["EUR"]) - Decimal(spent["EUR"]), more["contacts_opted_out"]) == (
        5 * Decimal("0.07"),
        5,
    )


def test_capability_70_clicks_by_rule_step_and_link(store: Store) -> None:
    crowd, everybody = Audience(store, row("69"), REUS), numbers(10)
    crowd.agree(everybody)
    crowd.write(everybody, "TERUG")
    crowd.click(everybody[:2])
    crowd.later(31 * DAY)
    crowd.click(everybody[2:5])
    rows = {one["link"]: one for one in crowd.report("link")["rows"]}
    assert {name: (one["rule"], one["sent"], one["clicked"], one["times"]) for name, one in rows.items()} == {
        "mening": ("drip terug", 10, 2, 2), "mee": ("drip terug", 8, 3, 3),
    }  # fmt: skip
    by_step = {one["text"][:15]: (one["sent"], one["clicked"]) for one in crowd.report("step")["rows"]}
    assert by_step == {"De Reus: wat vi": (10, 2), "De Reus: doe me": (8, 3)}
    assert crowd.report()["rows"][0]["clicked"] == 5
    crowd.write(everybody[5:7], "waarom?")
    crowd.write(everybody[7:8], "STOP")
    (keyword,) = [one for one in crowd.report("keyword")["rows"] if one["keyword"] == "TERUG"]
    assert [keyword[name] for name in ("sent", "clicked", "answered", "opted_out")] == [18, 5, 2, 1]
    head, *lines = [line.split() for line in crowd.page("link") if line.startswith(("rule", "drip"))]
    assert head == ["rule", "text", "link", "sent", "clicked", "contacts", "times"]
    assert sorted(line[-5:] for line in lines) == [["10", "20.0", "%", "2", "2"], ["8", "37.5", "%", "3", "3"]]


def test_capability_74_a_segment_is_invited_on_a_date_and_the_winners_are_drawn(store: Store) -> None:
    crowd, everybody = Audience(store, row("74"), "Radio Zes"), numbers(300)
    crowd.agree(everybody[:250])
    crowd.write(everybody[:200], "LUISTER")
    crowd.write(everybody[:20], "WIN")
    crowd.later(15 * DAY)
    invited = [one for one in everybody if any("stuur WIN" in text for text in crowd.texts(one))]
    assert invited == everybody[20:200]
    crowd.write(invited[:30], "WIN")
    crowd.write(invited[:5], "win!")
    crowd.later(30 * DAY)
    crowd.write(everybody[290:], "WIN")  # closed
    period = Period(NOW, NOW + 60 * DAY)
    entered = entries(Pages(store), period, "Radio Zes", "deelname")
    assert sorted(entered) == [*everybody[:20], *invited[:30]]
    drawn = draw(entered, "van de notaris", 3)
    assert drawn == draw(reversed(entered), "van de notaris", 3)
    assert len({one.entry for one in drawn.winners} & set(entered)) == 3


def test_capability_80_what_is_triggered_and_what_is_transactional_are_told_apart(store: Store) -> None:
    crowd, everybody = Audience(store, row("61"), "De Winkel", PRICES), numbers(4)
    crowd.agree(everybody)
    crowd.happen(everybody, "cart_abandoned", url="https://winkel.example/m/1")
    crowd.later(2 * HOUR)
    crowd.happen(everybody[:3], "purchase", consent="transactional", ref="7")
    crowd.later(HOUR)
    crowd.write(everybody[:1], "STOP")
    rows = {one["class"]: one for one in crowd.report("class")["rows"]}
    told = {name: (one["sent"], one["cost"]["EUR"], one["opted_out"]) for name, one in rows.items()}
    assert told == {
        "promotional": (4, "0.28", 0), "transactional": (3, "0.21", 1), "stop_confirmation": (1, "0.07", 0),
    }  # fmt: skip


def test_capability_82_figures_by_step_and_arm(store: Store) -> None:
    crowd, everybody = Audience(store, row("22"), PROEF, PRICES), numbers(40)
    crowd.agree(everybody)
    crowd.write(everybody, "WIJN")
    crowd.write(everybody[:4], "wat leuk")
    crowd.later(DAY)
    crowd.happen(everybody[10:16], "purchase")
    crowd.write(everybody[20:21], "STOP")
    for by, rows in (("step", 2), ("arm", 2)):
        told = crowd.report(by)
        first = [one for one in told["rows"] if one["arm"]]
        assert len(first) == rows
        for name, count in (("sent", 40), ("delivered", 40), ("answered", 4), ("clicked", 0), ("opted_out", 1)):
            assert sum(one[name] for one in first) == count, (by, name)
        assert sum(Decimal(one["cost"]["EUR"]) for one in first) == 40 * Decimal("0.07")
        assert "open" not in str(told).lower()  # nobody can know
    assert sum(one["converted"] for one in crowd.report("arm")["rows"]) == 6


def test_capability_83_the_step_after_which_many_leave_is_found(store: Store) -> None:
    crowd, everybody = Audience(store, row("58"), "De Sportzaak"), numbers(60)
    crowd.agree(everybody)
    crowd.write(everybody, "JOIN")
    crowd.later(3 * DAY)
    crowd.write(everybody[:9], "STOP")  # after the second text
    crowd.happen(everybody[9:19], "purchase")  # the goal
    crowd.later(4 * DAY)
    told = crowd.report("step")
    drip = [one for one in told["rows"] if one["rule"] == "drip welkom"]
    assert [(one["sent"], one["opted_out"]) for one in drip] == [(60, 0), (60, 9), (41, 0)]
    assert [one["drop_off"] and round(one["drop_off"], 3) for one in drip] == [None, 0.0, 0.317]
    (weak,) = told["warnings"]
    assert (weak["rule"], weak["sent"], weak["opted_out"], weak["rate"]) == ("drip welkom", 60, 9, 0.15)
    assert weak["text"].startswith("De Sportzaak: uw code")
    low, high = weak["interval"]
    assert low < 0.15 < high
    assert any(line.startswith('warning: 15.0 % opted out after "De Sportzaak: uw code') for line in crowd.page("step"))


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", ["commit.before", "commit.after"])
def test_capability_19_a_chain_that_is_killed_in_the_middle_is_done_once(
    store: Store, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, (jan,) = Audience(store, row("19"), "De Club"), numbers(1)
    crowd.agree([jan])
    text = crowd.phones.text(jan, "JOIN")

    def kill(passed: str) -> None:
        if passed == point:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(crowd.phones.world, "fault", kill)
        with pytest.raises(Killed):
            crowd.phones.commit(inbound=[text])
    if point == "commit.before":  # nothing was acknowledged: the carrier delivers it again
        assert crowd.phones.table("records") == crowd.phones.table("outbox") == crowd.phones.table("enrolments") == []
        crowd.phones.commit(inbound=[text])
    (profile,) = crowd.phones.table("profiles")
    assert ("lid" in profile["tags"], "10" in profile["attributes"]) == (True, True)
    assert [one["name"] for one in crowd.phones.table("records")] == ["lid_sinds"]
    crowd.later(3 * DAY)
    assert [one["text"] for one in crowd.phones.table("outbox")] == [
        "Welkom bij de club! U heeft 10 punten.", "De Club: uw pas ligt klaar. STOP = uit.",
    ]  # fmt: skip
    assert [(one["drip"], one["outcome"]) for one in crowd.phones.table("enrolments")] == [("lid", "finished")]
