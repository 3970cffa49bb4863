"""E-mails on their way to a mail server, which is a real one (aiosmtpd)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Email
from config.values import Secret
from gateway.mailer import Mailer, post, written
from router import emails
from router.emails import LEASE, MOST_TRIES, Letter, Posted
from router.instants import HOUR, MINUTE
from router.rehearsal import Stage
from rules.compiler import compile_sources
from rules.diagnostics import Source
from tests.support.postbox import Postbox, free_port, served

RULES = """brand "De Fiets"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword MAIL <adres email>
    email "{adres}" subject "Dag {text}" body "Hé, {adres}\\nTot ziens."

on event klaar
    email transactional "jan@fiets.example" subject "Klaar" body "De Fiets: klaar."
"""
NOON = 1_767_610_800_000_000


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, Email]]:
    inside, port = Postbox(), free_port()
    with served(inside, port):
        yield inside, Email(host="127.0.0.1", port=port, security="none", sender="noreply@fiets.example")


def stage() -> Stage:
    book = compile_sources([Source("fiets.rules", RULES)], None).book
    assert book is not None
    return Stage(book, "31612345678", NOON)


def letter(id: int = 7, recipient: str = "jan@fiets.example", subject: str = "Dag", tries: int = 0) -> Letter:
    return Letter(id, "De Fiets", recipient, subject, "Hé.", tries, NOON)


def mailer(on: Stage, settings: Email) -> Mailer:
    async def write(work: Any) -> Any:
        return work()

    return Mailer(settings, on.world, on._store, "n", write)


def states(on: Stage) -> list[tuple[str, str, int]]:
    with on._store.begin() as tx:
        return [
            (row[0], row[1], row[2]) for row in tx.execute("SELECT state, reason, attempts FROM emails ORDER BY id")
        ]


async def test_an_email_of_a_rule_reaches_the_server_once(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    on = stage()
    on.text("4411", "MAIL jan@fiets.example")
    one = mailer(on, settings)
    await one.look()
    await one.look()
    [message] = inside.kept
    assert (message["To"], message["Subject"]) == ("jan@fiets.example", "Dag MAIL jan@fiets.example")
    assert str(message["From"]) == "De Fiets <noreply@fiets.example>"
    assert message.get_content().splitlines() == ["Hé, jan@fiets.example", "Tot ziens."]
    assert message["Message-ID"].endswith(".kwek@fiets.example>")
    assert states(on) == [("sent", "", 1)]
    on.close()


async def test_what_is_refused_for_now_is_tried_again_and_for_good_is_not(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    on = stage()
    on.text("4411", "MAIL jan@fiets.example")
    on.text("4411", "MAIL weg@fiets.example")
    inside.refusals = {"jan@fiets.example": "450 later", "weg@fiets.example": "550 no such\r\n user"}
    one = mailer(on, settings)
    await one.look()
    assert states(on) == [("ready", "450 later", 1), ("failed", "550 no such", 1)]
    await one.look()
    assert states(on)[0] == ("ready", "450 later", 1)
    inside.refusals = {}
    on.world.at += MINUTE
    await one.look()
    assert states(on) == [("sent", "", 2), ("failed", "550 no such", 1)]
    on.close()


async def test_a_server_that_is_away_is_tried_for_a_night_and_no_longer() -> None:
    on = stage()
    on.text("4411", "MAIL jan@fiets.example")
    one = mailer(on, Email(host="127.0.0.1", port=free_port(), security="none", sender="a@b.example"))
    for tried in range(1, MOST_TRIES + 1):
        await one.look()
        assert states(on)[0][2] == tried
        assert states(on)[0][0] == ("ready" if tried < MOST_TRIES else "failed")
        on.world.at += MINUTE << (tried - 1)
    assert states(on)[0][1].startswith("ConnectionRefusedError")
    assert on.world.at - NOON > 17 * HOUR
    on.close()


async def test_who_dies_with_letters_in_hand_leaves_them_to_the_others(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    on = stage()
    on.text("4411", "MAIL jan@fiets.example")
    with on._store.begin() as tx:
        [held] = emails.claim(tx, "dead", on.world.now())
    one = mailer(on, settings)
    await one.look()
    assert inside.kept == []
    on.world.at += LEASE
    await one.look()
    assert len(inside.kept) == 1
    with on._store.begin() as tx:  # back from the dead, too late
        emails.settle(tx, "dead", [Posted(held, "450 later", passing=True)], on.world.now())
    assert states(on) == [("sent", "", 2)]
    on.close()


async def test_an_opt_out_meanwhile_ends_what_waits(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    on = stage()
    on.occur("De Fiets", "klaar", {"ref": "1", "consent": "transactional"})
    on.text("4411", "MAIL jan@fiets.example")
    on.text("4411", "STOP")
    await mailer(on, settings).look()
    assert states(on) == [("cancelled", "opted_out", 0), ("sent", "", 1)]
    assert len(inside.kept) == 1
    on.close()


async def test_the_password_is_asked_for(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    for password, taken in (("geheim", True), ("fout", False)):
        given = Email(
            host=settings.host, port=settings.port, security="none", user="kwek", password=Secret(password),
            sender=settings.sender,
        )  # fmt: skip
        [posted] = await asyncio.to_thread(post, given, [letter()])
        assert (posted.refusal == "", posted.passing) == (taken, not taken)
    assert len(inside.kept) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_what_cannot_be_encrypted_is_not_sent(postbox: tuple[Postbox, Email], security: Any) -> None:
    inside, settings = postbox
    given = Email(host=settings.host, port=settings.port, security=security, sender=settings.sender)
    [posted] = await asyncio.to_thread(post, given, [letter()])
    assert posted.refusal
    assert posted.passing
    assert inside.kept == []


async def test_a_letter_that_breaks_off_does_not_repeat_those_before(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    inside.refusals = {"weg@fiets.example": "421 closing"}
    letters = [letter(1), letter(2, "weg@fiets.example"), letter(3), letter(4, "geen adres\r\nBcc: x@y.example")]
    posted = await asyncio.to_thread(post, settings, letters)
    assert [(one.letter.id, one.refusal == "") for one in posted][:1] == [(1, True)]
    assert len(posted) == 4
    assert all(one.refusal for one in posted if one.letter.id in (2, 4))


@pytest.mark.parametrize("evil", ["Dag\r\nBcc: x@y.example", "Dag\nX-A: b", "Dag\r\n\r\n<html>"])
def test_nothing_in_a_subject_becomes_a_header(evil: str) -> None:
    message = written("noreply@fiets.example", letter(subject=evil))
    assert message["Subject"] == " ".join(evil.split())
    assert message["Bcc"] is None
    assert message["X-A"] is None
