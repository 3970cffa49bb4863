"""POST /v1/events and /v1/vouchers/redeem: what is taken, once, and what is told of everything else."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.web import api, entrance
from gateway.web.events import LONGEST_LINE, Refused, read_event
from router import keys
from router.instants import DAY, MINUTE, SECOND
from router.messages import Occurrence
from router.store.errors import StoreUnavailable
from tests.support.hosted import JAN, NOW, SHOP, Site

EVENT = {"contact": "+31612345678", "name": "order_placed"}


Answered = tuple[int, Any]


async def post(site: Site, path: str, body: Any, **headers: str) -> Answered:
    data = BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    async with site.client.post(path, data=data, headers={"Content-Type": "application/json", **headers}) as response:
        assert response.content_type in ("application/json", "application/problem+json", "application/x-ndjson")
        text = await response.text()
        if response.content_type == "application/x-ndjson":
            return response.status, [json.loads(line) for line in text.splitlines()]
        answer = json.loads(text)
        if response.content_type == "application/problem+json":
            assert answer["status"] == response.status
            assert answer["detail"]
        return response.status, answer


async def told(site: Site, body: Any, **headers: str) -> Answered:
    return await post(site, "/v1/events", body, **site.key(), **headers)


# ---- keys


async def test_without_a_key_nothing_is_told(site: Site) -> None:
    shown = site.key()["Authorization"]
    for authorization in (
        "", "Bearer", "Bearer x", "Basic eDp5", "Bearer kwek_5_", "Bearer kwek_5_AAAA", f"{shown}A", f"{shown[:-2]}AA",
        shown.replace("_5_", "_6_"), shown.replace("_5_", f"_{1 << 70}_"), f"{shown}{'A' * 100}", "Bearer kwek_5_é",
    ):  # fmt: skip
        async with site.client.post("/v1/events", json=EVENT, headers={"Authorization": authorization}) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == 'Bearer realm="kwek"'
    assert site.writer.taken == []


async def test_a_revoked_key_ends_with_the_next_request(site: Site) -> None:
    header = site.key()
    assert (await post(site, "/v1/events", EVENT, **header))[0] == 202
    with site.store.begin() as tx:
        assert keys.revoke(tx, 5, NOW)
        assert not keys.revoke(tx, 5, NOW)
        assert not keys.revoke(tx, 6, NOW)
    assert (await post(site, "/v1/events", EVENT, **header))[0] == 401


async def test_only_the_hash_of_a_secret_is_kept(site: Site) -> None:
    secret = site.key()["Authorization"].rpartition("_")[2]
    (row,) = site.rows("SELECT * FROM api_keys")
    assert secret not in repr(row)
    assert len(bytes(row[2])) == 32


# ---- one event


async def test_an_event_is_taken_for_the_keys_brand(site: Site) -> None:
    status, answer = await told(
        site,
        {**EVENT, "values": {"total": 12.5, "items": 3, "paid": True, "shop": "Utrecht", "none": None}, "ref": "o-1",
         "at": "2026-01-05T12:30:00+01:00", "key": "k-1"},
    )  # fmt: skip
    (one,) = site.writer.taken
    assert (status, answer) == (202, {"id": str(one.id), "outcome": "taken"})
    assert (one.brand, one.address, one.name, one.source, one.ref, one.key) == (
        SHOP, JAN, "order_placed", "api", "o-1", "k-1",
    )  # fmt: skip
    assert one.at == NOW - 30 * MINUTE
    assert one.values == {"total": Decimal("12.5"), "items": 3, "paid": "true", "shop": "Utrecht"}


async def test_the_same_key_gives_the_same_answer_and_one_effect(site: Site) -> None:
    header = site.key()
    answers = [await post(site, "/v1/events", {**EVENT, "key": "k"}, **header) for _ in range(2)]
    answers.append(await post(site, "/v1/events", EVENT, **header, **{"Idempotency-Key": "k"}))
    assert answers[0] == answers[1] == answers[2]
    assert len(site.writer.taken) == 1


async def test_without_a_key_each_is_its_own(site: Site) -> None:
    header = site.key()
    answers = [await post(site, "/v1/events", EVENT, **header) for _ in range(2)]
    assert answers[0][1]["id"] != answers[1][1]["id"]
    assert len(site.writer.taken) == 2


async def test_other_kinds_of_bodies_are_told(site: Site) -> None:
    header = site.key()
    assert (await post(site, "/v1/events", EVENT, **header, **{"Content-Type": "text/plain"}))[0] == 415
    assert (await post(site, "/v1/events", EVENT, **header, **{"Idempotency-Key": "x" * 201}))[0] == 400
    assert (await post(site, "/v1/events", b"x" * (api.MOST_OCTETS + 1), **header))[0] == 413
    async with site.client.get("/v1/events") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_body_that_does_not_come_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BODY_S", 0.05)
    never = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"contact"'
        await never.wait()

    headers = {"Content-Type": "application/json", **site.key()}
    async with site.client.post("/v1/events", data=slowly(), headers=headers) as response:
        assert response.status == 408
    never.set()


# ---- several


async def test_lines_are_judged_one_by_one(site: Site) -> None:
    lines = [
        json.dumps({**EVENT, "key": "a"}), "{not json", json.dumps({**EVENT, "contact": "06-1"}), "",
        json.dumps({**EVENT, "key": "a"}), json.dumps({**EVENT, "name": "other"}),
    ]  # fmt: skip
    status, answers = await told(site, "\n".join(lines).encode(), **{"Content-Type": "application/x-ndjson"})
    assert status == 200
    assert [(one["line"], one["status"]) for one in answers] == [(1, 202), (2, 400), (3, 422), (4, 202), (5, 202)]
    assert answers[0]["id"] == answers[3]["id"] != answers[4]["id"]
    assert "not JSON" in answers[1]["detail"]
    assert [one.name for one in site.writer.taken] == ["order_placed", "other"]


async def test_five_hundred_lines_and_no_more(site: Site) -> None:
    header = {**site.key(), "Content-Type": "application/x-ndjson"}
    line = json.dumps(EVENT).encode() + b"\n"
    status, answers = await post(site, "/v1/events", line * 500, **header)
    assert status == 200
    assert {one["status"] for one in answers} == {202}
    assert len({one["id"] for one in answers}) == 500
    assert (await post(site, "/v1/events", line * 501, **header))[0] == 413
    assert len(site.writer.taken) == 500


# ---- when it cannot be kept


async def test_nothing_is_promised_while_the_store_is_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    header = site.key()
    site.writer.trouble = "the disk is full"
    status, answer = await post(site, "/v1/events", EVENT, **header)
    assert (status, answer["title"]) == (503, "Store away")
    assert "disk" not in answer["detail"]
    site.writer.trouble = ""
    monkeypatch.setattr(api, "ANSWER_S", 0.01)
    site.writer.back.clear()
    status, answer = await post(site, "/v1/events", {**EVENT, "key": "k"}, **header)
    assert (status, answer["title"]) == (503, "Not known")
    site.writer.back.set()
    monkeypatch.setattr(api, "ANSWER_S", 10.0)
    assert (await post(site, "/v1/events", {**EVENT, "key": "k"}, **header))[0] == 202
    assert len(site.writer.taken) == 1


async def test_too_much_at_once_is_told_to_come_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MOST_WAITING", 2)
    lines = (json.dumps(EVENT).encode() + b"\n") * 3
    _, answers = await told(site, lines, **{"Content-Type": "application/x-ndjson"})
    assert [one["status"] for one in answers] == [202, 202, 503]
    assert (await post(site, "/v1/events", EVENT, **site.key(id=6)))[0] == 202


async def test_keys_cannot_be_looked_up_while_nothing_can_be_read(site: Site) -> None:
    header = site.key()
    site.looks._reader._url = "sqlite:////nowhere/kwek.db"
    for path in ("/v1/events", "/v1/vouchers/redeem"):
        async with site.client.post(path, json=EVENT, headers=header) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_looks_are_bounded_in_number_and_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await site.looks.at(lambda tx: tx.execute("SELECT 1")) == [(1,)]
    monkeypatch.setattr(entrance, "MOST_LOOKS", 0)
    with pytest.raises(StoreUnavailable, match="0 requests wait"):
        await site.looks.at(lambda tx: None)
    monkeypatch.setattr(entrance, "MOST_LOOKS", 9)
    monkeypatch.setattr(entrance, "LOOK_S", 0.01)
    import threading

    held = threading.Event()
    with pytest.raises(StoreUnavailable, match=r"did not answer in 0\.01 s"):
        await site.looks.at(lambda tx: held.wait(5))
    held.set()
    monkeypatch.setattr(entrance, "LOOK_S", 5.0)
    with pytest.raises(ZeroDivisionError):
        await site.looks.at(lambda tx: 1 // 0)
    assert await site.looks.at(lambda tx: tx.execute("SELECT 2")) == [(2,)]


# ---- what is no event


def judged(**more: Any) -> Occurrence | Refused:
    return read_event(json.dumps({**EVENT, **more}).encode(), SHOP, 1, NOW)


def said(**more: Any) -> str:
    found = judged(**more)
    assert isinstance(found, Refused)
    assert found.status == 422
    return found.detail


def taken(**more: Any) -> Occurrence:
    found = judged(**more)
    assert isinstance(found, Occurrence)
    return found


@pytest.mark.parametrize("contact", ["+31612345678", "31612345678", "0031612345678", " +31 6 1234 5678 "])
def test_a_number_with_its_country(contact: str) -> None:
    assert taken(contact=contact).address == JAN


@pytest.mark.parametrize(
    "contact", ["0612345678", "+999123", "", None, 31612345678, "x" * 65, "jan@example.org", "4411"]
)
def test_any_other_number_is_told(contact: Any) -> None:
    assert "with its country" in said(contact=contact)


@pytest.mark.parametrize("name", ["", "Order", "order placed", "1st", "x" * 65, None, 5, "voucher_redeemed", "opt_out"])
def test_names_as_rules_write_them(name: Any) -> None:
    assert "`" in said(name=name)
    assert taken(name="nobody_asks_for_this").name == "nobody_asks_for_this"


@pytest.mark.parametrize(
    "values",
    [
        [], "x", 5, {"a": []}, {"a": {}}, {"A": 1}, {"a b": 1}, {"a": "x" * 1001}, {"a": "\u0000"}, {"a": 10**30},
        {f"v{i}": 1 for i in range(51)}, {"a": "\ud800"}, {"x" * 65: 1},
    ],
)  # fmt: skip
def test_values_are_flat_and_bounded(values: Any) -> None:
    assert said(values=values)


@pytest.mark.parametrize("number", ["1e400", "1e-400", "1" * 31, "0." + "1" * 70])
def test_numbers_are_bounded_too(number: str) -> None:
    line = f'{{"contact": "+31612345678", "name": "x", "values": {{"a": {number}}}}}'
    found = read_event(line.encode(), SHOP, 1, NOW)
    assert isinstance(found, Refused)
    assert "30 digits" in found.detail


def test_values_keep_their_kinds() -> None:
    assert taken(values={"a": 1.5, "b": -3, "c": "x\ny", "d": False, "e": 1e3}).values == {
        "a": Decimal("1.5"), "b": -3, "c": "x\ny", "d": "false", "e": Decimal("1000.0"),
    }  # fmt: skip


@pytest.mark.parametrize("part", ["ref", "key"])
def test_texts_are_bounded(part: str) -> None:
    for value in ("x" * 201, 5, ["x"], "a\x00"):
        assert f"`{part}`" in said(**{part: value})
    assert getattr(taken(**{part: "x" * 200}), part) == "x" * 200
    assert getattr(taken(**{part: None}), part) == ""


def test_what_is_no_part_of_an_event_is_told() -> None:
    assert said(kontakt="x").startswith("`kontakt` is no part of an event; those are contact, name,")


def test_two_keys_that_differ_are_told() -> None:
    line = json.dumps({**EVENT, "key": "a"}).encode()
    assert isinstance(read_event(line, SHOP, 1, NOW, "b"), Refused)
    assert isinstance(read_event(line, SHOP, 1, NOW, "a"), Occurrence)


@pytest.mark.parametrize("at", ["yesterday", "2026-01-05", "2026-01-05T12:00:00", 5, "1999-12-31T23:59:59Z",
                                "0001-01-01T00:00:00+14:00"])  # fmt: skip
def test_moments_without_a_zone_or_sense_are_told(at: Any) -> None:
    assert "`at`" in said(at=at)


def test_a_clock_that_is_off_is_forgiven_and_the_future_is_not() -> None:
    assert taken(at="2026-01-05T12:00:00Z").at == NOW
    assert taken(at="2026-01-05T12:05:00Z").at == NOW
    assert taken(at="2026-01-06T12:00:00Z").at == NOW
    assert taken(at="2026-01-05T11:59:59.5Z").at == NOW - SECOND // 2
    assert taken(at="2024-01-05T12:00:00Z").at == NOW - 731 * DAY
    assert "more than a day ahead" in said(at="2026-01-06T12:00:01Z")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "not JSON"), (b"[]", "not an object"), (b"5", "not an object"), (b'{"a":1,"a":2}', "stands twice"),
        (b"\xff", "UTF-8"), (b'{"a": NaN}', "no number"), (b"[" * 10_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "digits"), (b'{"a": 1e999999999999999999999}', "out of range"),
        (b'{"a": 1e-999999999999999999999}', "out of range"),
    ],
)  # fmt: skip
def test_what_is_not_json_is_told(octets: bytes, words: str) -> None:
    found = read_event(octets, SHOP, 1, NOW)
    assert isinstance(found, Refused)
    assert (found.status, words in found.detail) == (400, True), found.detail


def test_a_long_line_is_told() -> None:
    found = read_event(b" " * (LONGEST_LINE + 1), SHOP, 1, NOW)
    assert isinstance(found, Refused)
    assert found.status == 413


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["contact", "name", "values", "ref", "at", "key"]), JSONS), st.binary(max_size=40)
)
def test_nothing_that_is_sent_is_a_fault_of_ours(found: dict[str, Any], noise: bytes) -> None:
    for octets in (json.dumps({**EVENT, **found}).encode(), noise):
        one = read_event(octets, SHOP, 1, NOW)
        if isinstance(one, Occurrence):
            assert one.address.isdigit()
            assert one.at <= NOW
            assert not any(isinstance(value, bool | float | list | dict) for value in one.values.values())


# ---- redemption


async def redeem(site: Site, body: Any, **headers: str) -> Answered:
    return await post(site, "/v1/vouchers/redeem", body, **(headers or site.key()))


async def test_a_code_is_redeemed_once(site: Site) -> None:
    code = site.voucher()
    header = site.key()
    status, answer = await redeem(site, {"code": code.lower()}, **header)
    assert (status, answer) == (200, {"voucher": "zomer", "code": code, "redeemed_at": "2026-01-05T12:00:00Z"})
    (one,) = site.writer.taken
    assert (one.name, one.source, one.address, one.at) == ("voucher_redeemed", "voucher", JAN, NOW)
    assert one.values == {"voucher": "zomer", "code": code, "by": "key 5"}
    site.world.at += SECOND
    status, answer = await redeem(site, {"code": code}, **header)
    assert (status, answer["redeemed_at"], answer["voucher"]) == (409, "2026-01-05T12:00:00Z", "zomer")
    assert len(site.writer.taken) == 1


async def test_the_same_reference_is_the_same_redemption(site: Site) -> None:
    code = site.voucher()
    header = site.key()
    first = await redeem(site, {"code": code, "reference": "bon 12"}, **header)
    site.world.at += SECOND
    assert await redeem(site, {"code": code, "reference": "bon 12"}, **header) == first
    assert first[0] == 200
    assert (await redeem(site, {"code": code, "reference": "bon 13"}, **header))[0] == 409
    assert (await redeem(site, {"code": code}, **header))[0] == 409
    assert len(site.writer.taken) == 1


async def test_two_tills_at_once(site: Site) -> None:
    code = site.voucher()
    header = site.key()
    answers = await asyncio.gather(*(redeem(site, {"code": code, "reference": f"{i}"}, **header) for i in range(8)))
    assert sorted(status for status, _ in answers) == [200, *[409] * 7]
    assert len(site.writer.taken) == 1


async def test_after_its_end_a_code_is_gone(site: Site) -> None:
    code = site.voucher(until=NOW)
    status, answer = await redeem(site, {"code": code})
    assert (status, answer["until"], answer["title"]) == (410, "2026-01-05T12:00:00Z", "Expired")
    assert site.writer.taken == []


async def test_other_brands_codes_are_as_unknown_as_none(site: Site) -> None:
    code = site.voucher()
    bakker = site.key("Bakker", 6)
    other = await redeem(site, {"code": code}, **bakker)
    unknown = await redeem(site, {"code": "ZOMER-2222-2222"}, **bakker)
    assert other == unknown
    assert other[0] == 404
    assert (await redeem(site, {"code": code}))[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"code": 5}, 422), ({"code": "x" * 201}, 422), ({"code": "A", "reference": 5}, 422), (b"{", 400),
     ({"code": ""}, 404), ({"code": "a\x00"}, 422)],
)  # fmt: skip
async def test_what_is_no_code_is_told(site: Site, body: Any, status: int) -> None:
    assert (await redeem(site, body))[0] == status


async def test_a_code_is_not_redeemed_while_nothing_can_be_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    code = site.voucher()
    header = site.key()
    monkeypatch.setattr(api, "ANSWER_S", 0.01)
    site.writer.back.clear()
    body = {"code": code, "reference": "bon 12"}
    assert (await redeem(site, body, **header))[0] == 503
    monkeypatch.setattr(api, "ANSWER_S", 10.0)
    site.writer.back.set()
    assert (await redeem(site, body, **header))[0] == 200
    assert len(site.writer.taken) == 1


async def test_a_gateway_that_stops_has_kept_nothing(site: Site) -> None:
    site.writer.fails = True
    status, answer = await told(site, EVENT)
    assert (status, answer["title"]) == (503, "Store away")


async def test_a_till_is_told_to_come_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is found, the code is not looked up any more; or it is, and cannot be redeemed."""
    code = site.voucher()
    header = site.key()
    site.writer.trouble = "the disk is full"
    assert (await redeem(site, {"code": code}, **header))[0] == 503
    look, calls = site.looks.at, 0

    async def once(work: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise StoreUnavailable("gone")
        return await look(work)

    monkeypatch.setattr(site.looks, "at", once)
    assert (await redeem(site, {"code": code}, **header))[0] == 503
    assert calls == 2


async def test_a_phone_that_hangs_up_leaves_the_event_on_its_way(site: Site) -> None:
    site.writer.back.clear()
    header = site.key()
    request = asyncio.ensure_future(post(site, "/v1/events", {**EVENT, "key": "k"}, **header))
    await asyncio.wait_for(site.writer.arrived.wait(), 5)
    request.cancel()
    await asyncio.wait([request])
    site.writer.back.set()
    assert (await post(site, "/v1/events", {**EVENT, "key": "k"}, **header))[0] == 202
    assert len(site.writer.taken) == 1
