"""What a header or a body may hold besides plain text reaches neither the store nor an answer."""

import asyncio
import json

import pytest

from gateway.web import pages
from tests.support.hosted import Site

EVENT = {"contact": "+31612345678", "name": "order_placed"}


@pytest.mark.parametrize("name", ["User-Agent", "X-Forwarded-For"])
async def test_octets_of_a_header_that_are_no_utf_8_are_kept_escaped(site: Site, name: str) -> None:
    code = site.link("optout")
    reader, writer = await asyncio.open_connection(site.client.host, site.client.port)
    odd = f"{name}: ".encode() + b"T\xe9l\xe9phone " + b"\xff" * 400
    writer.write(f"POST /o/{code} HTTP/1.1\r\nHost: sms.example\r\n".encode() + odd + b"\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 303 ")
    writer.close()
    (wish,) = site.writer.silenced
    kept = wish.agent if name == "User-Agent" else wish.forwarded
    assert kept.startswith(r"T\udce9l\udce9phone \udcff")
    assert len(kept) == pages.LONGEST_AGENT


@pytest.mark.parametrize("odd", ['{"\\ud800": 1}', '{"contact": "\\ud800"}', '{"attributes": {"\\ud800": 1}}'])
async def test_half_a_character_in_a_line_spoils_no_other_line_s_answer(site: Site, odd: str) -> None:
    headers = {**site.key(), "Content-Type": "application/x-ndjson"}
    async with site.client.post("/v1/events", data=f"{json.dumps(EVENT)}\n{odd}\n", headers=headers) as answer:
        assert answer.status == 200
        first, second = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert (first["status"], second["status"]) == (202, 422)


@pytest.mark.parametrize(
    "path", ["/l/%ED%A0%80", "/o/%00", "/v/%FF%FE", "/v1/stats?by=%ED%A0%80", "/%00", "/l/" + "9" * 4_000]
)
async def test_odd_paths_are_answered_like_any_that_lead_nowhere(site: Site, path: str) -> None:
    async with site.client.get(path) as answer:
        assert answer.status == 404
