"""E-mails on their way to the operator's mail server, over the standard library's SMTP client on a thread of its own.

Nothing that a phone sent can become a header: the subject is one line, the address must be one, and the letter is built
by `email.message` (RELIABILITY.md, row 19 of the abuse list). Nor can it become a second recipient: the server is told
the address as it was written down, never as a header reads. Whatever a letter does to the library ends that letter and
nothing else.

A stop waits for the letter under way, for so long, and writes down what became of all; those not begun are given back.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

import structlog

from config.settings import Email
from gateway.pools import Write
from router import emails
from router.emails import Letter, Posted
from router.store.engine import Store
from router.world import Worker, World
from rules.facts import read_email
from rules.times import instant

LOOK_S = 2.0
"""How often what waits is looked for, in seconds: an e-mail is no answer in a conversation."""
ANSWER_S = 10.0
"""How long the server may stay silent, in seconds."""
ROUND_S = 120.0
"""When no further letter is begun, in seconds. One letter and the farewell wait at most six times ANSWER_S after it, so
that all ends well before another node may claim the letters (router.emails.LEASE)."""
STOP_S = 10.0
"""How long a stop waits for the letter under way, in seconds: one that hangs is left, and goes out after its lease."""
SETTLE_S = 1.0
"""How long a stop waits for that to be written down, in seconds; the writer does it later if it does it at all."""
PERMANENT = range(500, 600)

log = structlog.get_logger("kwek")


class Mailer:
    """Takes what waits and hands it to the server."""

    def __init__(self, settings: Email, world: World, store: Store, node: str, write: Write) -> None:
        self._settings = settings
        self._world = world
        self._store = store
        self._node = node
        self._write = write

    async def look(self) -> None:
        """Send what is due. Cancelled, it waits for the letter under way (STOP_S) and settles before it ends."""
        letters = await self._write(self._claimed)
        if not letters:
            return
        one, thread = Round(self._settings, letters, self._world.monotonic), Worker("mailer")
        posting = thread.begin(one.post)
        try:
            await asyncio.wait([posting])
        except asyncio.CancelledError:
            one.end()
            await asyncio.wait([posting], timeout=STOP_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await self._settled(one.posted[:])
            raise
        finally:
            if posting.done():  # else the thread waits for a server, and ends with the process
                thread.close()
        await self._settled(one.posted)

    async def _settled(self, posted: Sequence[Posted]) -> None:
        for one in posted:
            if one.refusal:
                log.warning("e-mail refused", id=one.letter.id, reason=one.refusal, again=one.passing)
        await self._write(self._settling(posted))

    def _claimed(self) -> list[Letter]:
        with self._store.begin() as tx:
            return emails.claim(tx, self._node, self._world.now())

    def _settling(self, posted: Sequence[Posted]) -> Callable[[], None]:
        def settle() -> None:
            with self._store.begin() as tx:
                emails.settle(tx, self._node, posted, self._world.now())

        return settle


class Round:
    """Letters that go out over one connection. `posted` grows as the server takes or refuses them."""

    def __init__(self, settings: Email, letters: Sequence[Letter], clock: Callable[[], float]) -> None:
        self.posted: list[Posted] = []
        self._settings = settings
        self._letters = letters
        self._clock = clock
        self._until = clock() + ROUND_S
        self._ended = threading.Event()

    def end(self) -> None:
        """Begin no further letter: those left are given back untried."""
        self._ended.set()

    def post(self) -> None:
        """Hand them to the server; blocks. Never raises for what a server, a network or a setting does."""
        try:
            with _connected(self._settings) as server:
                for letter in self._letters:
                    over = self._ended.is_set() or self._clock() >= self._until
                    one = Posted(letter, untried=True) if over else _posted(server, self._settings, letter)
                    self.posted.append(one)
        except Exception as fault:  # no letter's own (_posted): a server that is away, a name that is none
            left = self._letters[len(self.posted) :]
            self.posted += [Posted(letter, _fault(fault), passing=True) for letter in left]


def _connected(settings: Email) -> smtplib.SMTP:
    if settings.security == "tls":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=ANSWER_S, context=context)
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=ANSWER_S)
    try:
        if settings.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.user:
            server.login(settings.user, settings.password.reveal())
    except UnicodeEncodeError:  # which tells the letter that it met, and where
        server.close()
        raise ValueError("user and password must be in ASCII") from None
    except BaseException:
        server.close()
        raise
    return server


def _posted(server: smtplib.SMTP, settings: Email, letter: Letter) -> Posted:
    try:
        message = written(settings.sender, letter)
        server.send_message(message, from_addr=settings.sender, to_addrs=[letter.recipient])
    except (smtplib.SMTPHeloError, smtplib.SMTPSenderRefused) as refused:  # it refuses us, whatever the letter
        return Posted(letter, _said(refused.smtp_code, refused.smtp_error), passing=True)
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        return Posted(letter, _said(code, said), passing=code not in PERMANENT)
    except smtplib.SMTPResponseException as refused:
        return Posted(letter, _said(refused.smtp_code, refused.smtp_error), passing=refused.smtp_code not in PERMANENT)
    except smtplib.SMTPNotSupportedError as fault:  # an address with letters that the server cannot take
        return Posted(letter, _fault(fault))
    except OSError:  # the connection: who comes after is not tried either
        raise
    except Exception as fault:  # the library makes no letter of it, and documents nowhere what it then raises
        return Posted(letter, _fault(fault))
    return Posted(letter)


def _said(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return _line(f"{code} {text}")


def _fault(fault: Exception) -> str:
    return _line(f"{type(fault).__name__}: {fault}")


def _line(text: str) -> str:
    """At most 200 characters that every store takes."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:200]


def written(sender: str, letter: Letter) -> EmailMessage:
    """The letter as it goes out. Its Message-ID is its own, however often it is sent. Raises ValueError for what is no
    address, and whatever `email` raises where it can make no header of one."""
    if read_email(letter.recipient) is None:  # it may have been written down when more was an address
        raise ValueError("its recipient is no address")
    local, _, domain = letter.recipient.rpartition("@")
    message = EmailMessage()
    message["From"] = formataddr((" ".join(letter.brand.split()), sender))
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = format_datetime(instant(letter.created_at))
    message["Message-ID"] = f"<{letter.id}.kwek@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message
