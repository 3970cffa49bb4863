"""A mail server on a real port (aiosmtpd), whose inside a test can look at."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Postbox:
    """Keeps what it takes, and refuses as told."""

    def __init__(self) -> None:
        self.kept: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refusals: dict[str, str] = {}
        """What is answered to a sender or a recipient instead of taking him."""
        self.slow = ""
        """The recipient whose letter is answered only when `go` is set; `reached` tells that it is there."""
        self.reached = threading.Event()
        self.go = threading.Event()

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Take a sender, or refuse him."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """Take a recipient, or refuse him."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a letter."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        if self.slow in envelope.rcpt_tos:
            self.reached.set()
            await asyncio.to_thread(self.go.wait, 10)
        self.kept.append(message)
        return "250 taken"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(inside: Postbox, port: int, password: bytes = b"geheim") -> Iterator[None]:
    """Serve it on a port of this machine."""
    server = Controller(
        inside, hostname="127.0.0.1", port=port, auth_require_tls=False,
        authenticator=lambda *given: AuthResult(success=given[-1].password == password, handled=False),
    )  # fmt: skip
    server.start()
    try:
        yield
    finally:
        server.stop()
