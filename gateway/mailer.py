"""E-mails on their way to the operator's mail server, over the standard library's SMTP client on a thread of its own.

Nothing that a phone sent can become a header: the subject is one line, the address must be one, and the letter is built
by `email.message` (RELIABILITY.md, row 19 of the abuse list).
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

import structlog

from config.settings import Email
from gateway.pools import Write
from router import emails
from router.emails import Letter, Posted
from router.store.engine import Store
from router.world import World
from rules.times import instant

LOOK_S = 2.0
"""How often what waits is looked for, in seconds: an e-mail is no answer in a conversation."""
ANSWER_S = 10.0
"""How long the server may take for each of its answers, in seconds."""
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
        """Send what is due."""
        letters = await self._write(self._claimed)
        if not letters:
            return
        posted = await asyncio.to_thread(post, self._settings, letters)
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


def post(settings: Email, letters: Sequence[Letter]) -> list[Posted]:
    """Hand letters to the server over one connection; blocks. Never raises for what a server or a network does."""
    posted: list[Posted] = []
    try:
        with _connected(settings) as server:
            for letter in letters:
                posted.append(_posted(server, settings, letter))
    except (OSError, smtplib.SMTPException) as fault:
        said = f"{type(fault).__name__}: {fault}"[:200]
        posted += [Posted(letter, said, passing=True) for letter in letters[len(posted) :]]
    return posted


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
    except BaseException:
        server.close()
        raise
    return server


def _posted(server: smtplib.SMTP, settings: Email, letter: Letter) -> Posted:
    try:
        server.send_message(written(settings.sender, letter))
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        return Posted(letter, _said(code, said), passing=code not in PERMANENT)
    except smtplib.SMTPResponseException as refused:
        return Posted(letter, _said(refused.smtp_code, refused.smtp_error), passing=refused.smtp_code not in PERMANENT)
    except (ValueError, smtplib.SMTPNotSupportedError) as fault:  # no header can be made of it, or none that it takes
        return Posted(letter, str(fault)[:200])
    return Posted(letter)


def _said(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"[:200]


def written(sender: str, letter: Letter) -> EmailMessage:
    """The letter as it goes out. Its Message-ID is its own, however often it is sent."""
    message = EmailMessage()
    message["From"] = formataddr((" ".join(letter.brand.split()), sender))
    message["To"] = letter.recipient
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = format_datetime(instant(letter.created_at))
    message["Message-ID"] = f"<{letter.id}.kwek@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message
