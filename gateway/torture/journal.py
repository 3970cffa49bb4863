"""The message centre's journal on disk: what it said and heard, a JSON object a line, safe before it takes effect.

The centre calls `sync` before octets leave and after octets were read, so a line is on disk before a gateway can know
what it says: an answer never leaves before the message that it answers is written down, nor a deliver_sm before the
attempt, and when a fence is answered every deliver_sm_resp that came before it is. Lines of one turn share one fsync.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from gateway.torture.entries import (
    Answered,
    Attempted,
    Befell,
    Entry,
    Injected,
    LinkEnded,
    Receipted,
    Responded,
    Submitted,
    Texted,
    Word,
)
from smpp.concat import content_of
from smpp.constants import ESME_ROK
from smpp.simulator_conduct import Submit
from smpp.simulator_pdus import reference_of
from smpp.simulator_phones import digits, shown_text
from smpp.simulator_witness import Load, TextPart
from smpp.text import Encoding

#: Words of the workload that mean something to consent, and how many answers a text acted upon has.
Meaning = Callable[[str], tuple[Word, int | None]]


def means_nothing(text: str) -> tuple[Word, int | None]:
    """Nothing is known of what a text asks for."""
    return "", None


class Journal:
    """Writes a journal; a witness of smpp.simulator_witness. `clock` gives monotonic seconds.

    `charset` is what data_coding 0 means at this centre. With `path` None entries stay in memory (`entries`).
    """

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], float],
        meaning: Meaning = means_nothing,
        charset: Encoding = Encoding.GSM7,
    ) -> None:
        self.entries: list[Entry] = []
        self.refused = 0
        """Answers other than ESME_ROK, so far."""
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._clock = clock
        self._meaning = meaning
        self._charset = charset
        self._encode = msgspec.json.Encoder().encode

    def note(self, entry: Entry) -> None:
        """Takes an entry; it is safe after `sync`."""
        self.entries.append(entry)

    def sync(self) -> None:
        """Writes what was noted and waits until it is on disk."""
        if self._file is None or not self.entries:
            return
        entries, self.entries = self.entries, []
        octets = b"".join(self._encode(entry) + b"\n" for entry in entries)
        while octets:
            octets = octets[os.write(self._file, octets) :]
        os.fdatasync(self._file)

    def close(self) -> None:
        """Writes the rest."""
        self.sync()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # What the centre tells (smpp.simulator_witness.Witness)

    def texted(self, id: int, sender: str, recipient: str, text: str, parts: int) -> None:
        """A phone has texted."""
        word, answers = self._meaning(text)
        self.note(
            Texted(at=self._clock(), id=id, sender=sender, recipient=recipient, text=text, parts=parts, word=word,
                   answers=answers)
        )  # fmt: skip

    def attempted(self, load: Load, link: int, sequence: int) -> None:
        """A part of a text or a receipt is about to leave."""
        at = self._clock()
        if isinstance(load, TextPart):
            self.note(Attempted(at=at, id=load.id, part=load.part, link=link, sequence=sequence))
        else:
            self.note(
                Receipted(at=at, link=link, sequence=sequence, message_id=str(load.number), told=load.told,
                          state=load.state, reference=load.reference)
            )  # fmt: skip

    def answered(self, link: int, sequence: int, status: int) -> None:
        """A deliver_sm was answered."""
        self.refused += status != ESME_ROK
        self.note(Answered(at=self._clock(), link=link, sequence=sequence, status=status))

    def ended(self, link: int) -> None:
        """A link is gone."""
        self.note(LinkEnded(at=self._clock(), link=link))

    def submitted(self, link: int, submit: Submit, status: int, number: int) -> None:
        """A message has come."""
        content = content_of(submit)
        part = content.part
        self.note(
            Submitted(
                at=self._clock(), link=link, sequence=submit.sequence_number, source=digits(submit.source_addr),
                destination=digits(submit.destination_addr), status=status,
                text=shown_text(content.octets, content, submit.data_coding, self._charset),
                message_id=str(number) if status == ESME_ROK else "", reference=reference_of(submit),
                part=part.index if part else 1, parts=part.total if part else 1,
                set_reference=part.reference if part else 0,
            )
        )  # fmt: skip

    def responded(self, link: int, sequence: int) -> None:
        """Its answer is about to leave."""
        self.note(Responded(at=self._clock(), link=link, sequence=sequence))

    def injected(self, kind: str, frame: bytes, told: str) -> None:
        """Something is about to leave that no honest centre sends."""
        self.note(Injected(at=self._clock(), kind=kind, frame=frame, told=told))

    def befell(self, kind: str, at: float, until: float = 0.0, detail: str = "") -> None:
        """A fault was made, by whoever makes faults."""
        self.note(Befell(at=at, kind=kind, until=until, detail=detail))


_DECODER: Final = msgspec.json.Decoder(Entry)


def read(path: Path) -> Iterator[Entry]:
    """The entries of a journal, in order. Raises msgspec.DecodeError for a line that is none, OSError."""
    with path.open("rb") as lines:
        for line in lines:
            yield _DECODER.decode(line)
