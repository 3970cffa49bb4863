"""E-mails on their way to a mail server, which is a real one (aiosmtpd)."""

import asyncio
import smtplib
from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Email, Mailbox
from config.values import Host, Secret
from gateway import mailer as mailing
from gateway.mailer import ROUND_S, Mailer, Round, written
from router import emails
from router.emails import LEASE, LIFE, MOST_TRIES, Letter, Posted
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
        yield inside, Email(host=Host("127.0.0.1"), port=port, security="none", sender=Mailbox("noreply@fiets.example"))


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


async def posted(settings: Email, letters: list[Letter]) -> list[Posted]:
    one = Round(settings, letters, lambda: 0.0)
    await asyncio.to_thread(one.post)
    return one.posted


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
    one = mailer(on, Email(host=Host("127.0.0.1"), port=free_port(), security="none", sender=Mailbox("a@b.example")))
    last = NOON
    for tried in range(1, MOST_TRIES + 1):
        last = on.world.at
        await one.look()
        assert states(on)[0][2] == tried
        assert states(on)[0][0] == ("ready" if tried < MOST_TRIES else "failed")
        on.world.at += MINUTE << (tried - 1)
    assert states(on)[0][1].startswith("ConnectionRefusedError")
    assert 17 * HOUR < last - NOON < LIFE
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
    ascii_only = "ValueError: user and password must be in ASCII"
    for password, told in (("geheim", ""), ("fout", "SMTPAuthenticationError"), ("gehéim", ascii_only)):
        given = Email(
            host=settings.host, port=settings.port, security="none", user="kwek", password=Secret(password),
            sender=settings.sender,
        )  # fmt: skip
        [one] = await posted(given, [letter()])
        assert one.refusal.partition(": (")[0] == told
        assert one.passing == bool(told)
    assert len(inside.kept) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_what_cannot_be_encrypted_is_not_sent(postbox: tuple[Postbox, Email], security: Any) -> None:
    inside, settings = postbox
    given = Email(host=settings.host, port=settings.port, security=security, sender=settings.sender)
    [one] = await posted(given, [letter()])
    assert one.refusal
    assert one.passing
    assert inside.kept == []


# Given these, the library raises AttributeError, raises IndexError, and reads three addresses.
BAD_ADDRESSES = ["a@[b.nl", "=?utf-8?q?]@=?=?x?q?a?=].nl", "x@=?utf-8?q?b.nl=2Cy=40evil.nl=2Cz=40evil?=.nl"]


@pytest.mark.parametrize("evil", BAD_ADDRESSES)
async def test_what_is_no_address_fails_and_holds_up_nobody(postbox: tuple[Postbox, Email], evil: str) -> None:
    inside, settings = postbox
    on = stage()
    on.text("4411", "MAIL weg@fiets.example")
    on.text("4411", "MAIL jan@fiets.example")
    with on._store.begin() as tx:
        tx.write("UPDATE emails SET recipient = ? WHERE recipient LIKE 'weg%'", (evil,))
    await mailer(on, settings).look()
    assert states(on) == [("failed", "ValueError: its recipient is no address", 1), ("sent", "", 1)]
    assert inside.recipients == ["jan@fiets.example"]
    on.close()


@pytest.mark.parametrize("evil", BAD_ADDRESSES)
async def test_whatever_is_an_address_it_reaches_one_recipient_and_ends_nothing(
    postbox: tuple[Postbox, Email], evil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, settings = postbox
    monkeypatch.setattr(mailing, "read_email", str)
    one, other = await posted(settings, [letter(1, evil), letter(2)])
    assert not one.passing
    assert other == Posted(letter(2))
    assert len(inside.recipients) <= 2


async def test_a_sender_that_is_refused_costs_no_letter(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    inside.refusals = {settings.sender: "553 not yours"}
    [one] = await posted(settings, [letter()])
    assert (one.refusal, one.passing) == ("553 not yours", True)


async def test_a_greeting_that_is_refused_costs_no_letter(
    postbox: tuple[Postbox, Email], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: smtplib.SMTP) -> None:
        raise smtplib.SMTPHeloError(550, b"who\0are you")

    monkeypatch.setattr(smtplib.SMTP, "ehlo_or_helo_if_needed", refused)
    [one] = await posted(postbox[1], [letter()])
    assert (one.refusal, one.passing) == ("550 who are you", True)


async def test_no_letter_is_begun_when_the_time_of_a_round_is_over(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    times = iter((0.0, 1.0, ROUND_S, ROUND_S + 1.0))
    one = Round(settings, [letter(1), letter(2), letter(3)], lambda: next(times))
    await asyncio.to_thread(one.post)
    assert [(each.letter.id, each.refusal, each.untried) for each in one.posted] == [
        (1, "", False), (2, "", True), (3, "", True),
    ]  # fmt: skip
    assert len(inside.kept) == 1


def two_letters(inside: Postbox, slow: str) -> Stage:
    on = stage()
    on.text("4411", "MAIL jan@fiets.example")
    on.text("4411", "MAIL piet@fiets.example")
    inside.slow = slow
    return on


async def test_a_stop_settles_the_letter_under_way_and_gives_back_the_rest(
    postbox: tuple[Postbox, Email], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, settings = postbox
    on = two_letters(inside, "jan@fiets.example")
    end = Round.end

    def ended(one: Round) -> None:
        end(one)
        inside.go.set()

    monkeypatch.setattr(Round, "end", ended)
    look = asyncio.create_task(mailer(on, settings).look())
    assert await asyncio.to_thread(inside.reached.wait, 10)
    look.cancel()
    await asyncio.wait([look], timeout=10)
    assert look.cancelled()
    assert states(on) == [("sent", "", 1), ("ready", "", 0)]
    assert inside.recipients == ["jan@fiets.example"]
    on.close()


async def test_a_stop_leaves_a_letter_that_hangs_and_settles_the_others(
    postbox: tuple[Postbox, Email], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, settings = postbox
    on = two_letters(inside, "piet@fiets.example")
    monkeypatch.setattr(mailing, "STOP_S", 0.05)
    look = asyncio.create_task(mailer(on, settings).look())
    assert await asyncio.to_thread(inside.reached.wait, 10)
    look.cancel()
    await asyncio.wait([look], timeout=5)
    assert look.cancelled()
    assert states(on) == [("sent", "", 1), ("claimed", "", 1)]
    inside.go.set()
    on.close()


async def test_a_letter_that_breaks_off_does_not_repeat_those_before(postbox: tuple[Postbox, Email]) -> None:
    inside, settings = postbox
    inside.refusals = {"weg@fiets.example": "421 closing"}
    letters = [letter(1), letter(2, "weg@fiets.example"), letter(3), letter(4, "geen adres\r\nBcc: x@y.example")]
    told = await posted(settings, letters)
    assert [(one.letter.id, one.refusal == "") for one in told][:1] == [(1, True)]
    assert len(told) == 4
    assert all(one.refusal for one in told if one.letter.id in (2, 4))


@pytest.mark.parametrize("evil", ["Dag\r\nBcc: x@y.example", "Dag\nX-A: b", "Dag\r\n\r\n<html>"])
def test_nothing_in_a_subject_becomes_a_header(evil: str) -> None:
    message = written("noreply@fiets.example", letter(subject=evil))
    assert message["Subject"] == " ".join(evil.split())
    assert message["Bcc"] is None
    assert message["X-A"] is None
