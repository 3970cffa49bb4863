"""POST /v1/events and POST /v1/vouchers/redeem: what a brand's own systems tell, and ask at a till.

An answer of 2xx follows the commit; before it nothing is promised. Everything is bounded: octets, lines, how much may
wait, and how long. With a key the same event may be sent again until it is answered: it has one effect, and the answer
is the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from functools import partial
from typing import Any, assert_never

import msgspec
from aiohttp import web

from gateway.web.entrance import Looks, Occurs
from gateway.web.events import (
    LONGEST_NAME,
    LONGEST_REF,
    NONE_DECLARED,
    Refused,
    is_plain,
    read_event,
    read_json,
)
from gateway.web.holders import ProblemError, away, holder
from gateway.web.problems import problem
from router import redemption
from router.faults import SetAside
from router.hosted import BY
from router.keys import Key
from router.messages import Occurrence
from router.redemption import Already, Answer, Expired, OfOtherBrand, Redeemable, Redeemed, Till, Unknown
from router.store.errors import StoreUnavailable
from router.world import World
from rules.times import instant

MOST_LINES = 500
MOST_OCTETS = 1_048_576
"""Octets of a body: 500 events of 2 KB."""
BODY_S = 20.0
"""How long a body may take to come in, in seconds."""
ANSWER_S = 10.0
"""How long a commit is waited for, in seconds; after it the outcome is told as unknown."""
MOST_WAITING = 5_000
"""Occurrences that wait for their commit: ten bodies of the longest kind."""

JSON, LINES = "application/json", ("application/x-ndjson", "application/ndjson", "application/jsonl")


class Api:
    """What a brand's systems may ask. `looks` reads the store, `occurs` takes what happened, `declared` gives the
    attributes (name to kind) that the rules in force know of a brand's contacts."""

    def __init__(
        self, world: World, looks: Looks, occurs: Occurs, declared: Callable[[str], Mapping[str, str]] | None = None
    ) -> None:  # fmt: skip
        self._declared = declared
        self._world = world
        self._looks = looks
        self._occurs = occurs
        self._waiting = 0

    def routes(self) -> list[web.RouteDef]:
        """Where it answers."""
        return [web.post("/v1/events", self.events), web.post("/v1/vouchers/redeem", self.redeem)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """One event, or a line each."""
        try:
            key = await holder(self._looks, request)
            body = await _body(request)
            if request.content_type in LINES:
                return await self._lines(key, body)
            if request.content_type != JSON:
                sent = request.headers.get("Content-Type", "none")[:LONGEST_NAME]
                raise ProblemError(
                    problem(415, "Not understood", f"send {JSON}, or {LINES[0]} for several events; this is {sent}")
                )
            header = request.headers.get("Idempotency-Key", "")
            if len(header) > LONGEST_REF or not is_plain(header):
                raise ProblemError(problem(400, "Bad key", f"an Idempotency-Key has at most {LONGEST_REF} characters"))
            (said,) = await self._told([self._read(body, key.brand, header)])
        except ProblemError as refused:
            return refused.answer
        return _single(said)

    async def redeem(self, request: web.Request) -> web.StreamResponse:
        """A code at a till: 200 the first time, 409 after it."""
        try:
            key = await holder(self._looks, request)
            code, reference = _code(await _body(request))
            till = Till(f"key {key.id}", reference)
            now = self._world.now()
            answer = await self._look(key.brand, code, till, now)
            if isinstance(answer, Redeemable):
                answer = await self._redeem(key, answer, till, now)
        except ProblemError as refused:
            return refused.answer
        return _redeemed(answer)

    # ---------------------------------------------------------------------------------------------------- events

    async def _lines(self, key: Key, body: bytes) -> web.Response:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) > MOST_LINES:
            raise ProblemError(
                problem(413, "Too many", f"send at most {MOST_LINES} events at once; these are {len(lines)}")
            )
        said = await self._told([self._read(line, key.brand) for line in lines])
        told = [{"line": number, **one} for number, one in enumerate(said, 1)]
        text = "".join(json.dumps(one) + "\n" for one in told)
        return web.Response(text=text, content_type=LINES[0], charset="utf-8")

    def _read(self, octets: bytes, brand: str, header: str = "") -> Occurrence | Refused:
        now = self._world.now()
        declared = NONE_DECLARED if self._declared is None else self._declared(brand)
        return read_event(octets, brand, self._world.ids.next(now), now, header, declared)

    async def _told(self, read: Sequence[Occurrence | Refused]) -> list[dict[str, Any]]:
        """What became of each event. Those of one request are handed over in its order and committed together."""
        waiting = [asyncio.ensure_future(self._take(one)) for one in read if isinstance(one, Occurrence)]
        taken = iter(await asyncio.gather(*waiting))
        return [_refused(one) if isinstance(one, Refused) else next(taken) for one in read]

    async def _take(self, occurrence: Occurrence) -> dict[str, Any]:
        taken = await self._occur(occurrence)
        if isinstance(taken, Refused):
            return _refused(taken)
        return {"status": 202, "id": str(taken), "outcome": "taken"}

    async def _occur(self, occurrence: Occurrence) -> int | Refused:
        """Hand over and wait for the commit."""
        if self._occurs.trouble:
            return Refused(503, "Store away", "nothing can be kept right now; send it again in a while")
        if self._waiting >= MOST_WAITING:
            return Refused(503, "Busy", "too much waits to be kept already; send it again in a while")
        self._waiting += 1
        pending = asyncio.ensure_future(self._occurs.occur(occurrence))
        pending.add_done_callback(self._done)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(pending)
        except TimeoutError:
            return Refused(
                503, "Not known", "whether it was kept is not known yet; send it again with the same key, to be sure"
            )
        except SetAside:
            return Refused(
                500, "Not performed", "a fault on this side keeps it from being performed; it is on record for whoever "
                "runs the gateway, and nothing came of it. Send it again when it is mended"
            )  # fmt: skip
        except StoreUnavailable:
            return Refused(503, "Store away", "the gateway is stopping, and nothing was kept; send it again in a while")

    def _done(self, pending: asyncio.Future[int]) -> None:
        self._waiting -= 1
        if not pending.cancelled():
            pending.exception()  # whoever still waits gets it; nobody else asks

    # ------------------------------------------------------------------------------------------------ redemption

    async def _look(self, brand: str, code: str, till: Till, now: int) -> Redeemable | Answer:
        try:
            return await self._looks.at(lambda tx: redemption.look(tx, brand, code, till, now))
        except StoreUnavailable:
            detail = "the store does not answer right now; ask again in a while"
            raise ProblemError(away("Store away", detail)) from None

    async def _redeem(self, key: Key, found: Redeemable, till: Till, now: int) -> Answer:
        """Say it to the router, which redeems in the transaction that tells the rules (router.hosted)."""
        new_id = self._world.ids.next(now)
        taken = await self._occur(
            Occurrence(
                id=new_id, brand=key.brand, address=found.address, name="voucher_redeemed", source="voucher", at=now,
                received_at=now, ref=till.reference, key=found.code,
                values={"voucher": found.voucher, "code": found.code, BY: till.by},
            )
        )  # fmt: skip
        if isinstance(taken, Refused):
            raise ProblemError(_problem(taken))
        if taken == new_id:
            return Redeemed(found.voucher, found.code, found.address, now)
        again = await self._look(key.brand, found.code, till, now)
        return Unknown() if isinstance(again, Redeemable) else again


async def _body(request: web.Request) -> bytes:
    """The body, as far as it may be long."""
    octets = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.content.iter_any():
                octets += chunk
                if len(octets) > MOST_OCTETS:
                    raise ProblemError(problem(413, "Too large", f"a body has at most {MOST_OCTETS} octets"))
    except TimeoutError:
        raise ProblemError(problem(408, "Too slow", f"the body did not come within {BODY_S:g} s")) from None
    return bytes(octets)


def _code(body: bytes) -> tuple[str, str]:
    """Code and reference of a body. Raises ProblemError."""
    try:
        found = read_json(body)
    except ValueError as fault:
        raise ProblemError(problem(400, "Not JSON", str(fault))) from None
    code, reference = found.get("code"), found.get("reference", "")
    for value in (code, reference):
        if not isinstance(value, str) or len(value) > LONGEST_REF or not is_plain(value):
            raise ProblemError(
                problem(
                    422, "Not a code", 'send {"code": "ZOMER-7K3M"}, and with `reference` a name of your own for this '
                    "redemption, so that it can be asked for again",
                )
            )  # fmt: skip
    return str(code), str(reference)


def _redeemed(answer: Answer) -> web.Response:
    match answer:
        case Redeemed():
            return web.json_response(
                {"voucher": answer.voucher, "code": answer.code, "redeemed_at": _iso(answer.at)},
                headers={"Cache-Control": "no-store"},
            )
        case Already():
            return problem(
                409, "Redeemed before", f"{answer.code} was redeemed on {_iso(answer.at)}", voucher=answer.voucher,
                code=answer.code, redeemed_at=_iso(answer.at),
            )  # fmt: skip
        case Expired():
            return problem(
                410, "Expired", f"the offer of {answer.code} ended on {_iso(answer.until)}", voucher=answer.voucher,
                code=answer.code, until=_iso(answer.until),
            )  # fmt: skip
        case Unknown() | OfOtherBrand():
            return problem(404, "Unknown code", "no contact of this brand has that code")
        case _:
            assert_never(answer)


def _iso(at: int) -> str:
    return instant(at).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _refused(one: Refused) -> dict[str, Any]:
    return msgspec.structs.asdict(one)


def _problem(one: Refused) -> web.Response:
    return (away if one.status == 503 else partial(problem, one.status))(one.title, one.detail)


def _single(said: dict[str, Any]) -> web.Response:
    if said["status"] != 202:
        return _problem(Refused(said["status"], said["title"], said["detail"]))
    return web.json_response({"id": said["id"], "outcome": said["outcome"]}, status=202)
