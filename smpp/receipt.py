"""Delivery receipts as message centres really send them, and message ids that must meet though written differently.

A receipt is text by custom only (SMPP 3.4 appendix B: "id:IIII sub:SSS … text:…"), so nothing about it is reliable:
fields come in any order or not at all, ids change their base between response and receipt, the text at the end may be
in another encoding. Rules: fields first, text last; what TLVs say wins over the text; a field that cannot be read is
None and the octets stay with the caller. Only final states close a message; which moves are allowed is decided where
messages are stored.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from smpp.concat import Carrier, content_of, last_tlv
from smpp.constants import (
    TAG_MESSAGE_STATE,
    TAG_NETWORK_ERROR_CODE,
    TAG_RECEIPTED_MESSAGE_ID,
    TAG_USER_MESSAGE_REFERENCE,
)

Tlvs = tuple[tuple[int, bytes], ...]


class State(StrEnum):
    """message_state (SMPP 3.4 §5.2.28, 0 and 9 from 5.0) under the names that receipts use."""

    SCHEDULED = "SCHEDLD"
    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVRD"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIVERABLE = "UNDELIV"
    ACCEPTED = "ACCEPTD"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTD"
    SKIPPED = "SKIPPED"


#: After these nothing more is to come. UNKNOWN is not one: it says that the centre does not know (yet).
FINAL: Final = frozenset(
    (State.DELIVERED, State.EXPIRED, State.DELETED, State.UNDELIVERABLE, State.REJECTED, State.SKIPPED)
)

#: State by its number in the message_state TLV.
STATE_BY_NUMBER: Final[Mapping[int, State]] = dict(enumerate(State))

#: Spellings seen beside the seven letters of the specification.
_SPELLINGS: Final[Mapping[str, State]] = {
    **{state.value: state for state in State},
    "DELIVERED": State.DELIVERED,
    "DELIVERD": State.DELIVERED,
    "UNDELIVERED": State.UNDELIVERABLE,
    "UNDELIVERABLE": State.UNDELIVERABLE,
    "UNDELIVRD": State.UNDELIVERABLE,
    "FAILED": State.UNDELIVERABLE,
    "ACCEPTED": State.ACCEPTED,
    "REJECTED": State.REJECTED,
    "SCHEDULED": State.SCHEDULED,
    "BUFFERED": State.ENROUTE,
}


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """A delivery receipt; None where the peer did not say, or said it unreadably.

    `stat` and `err` are as the peer wrote them (`err` has one to four characters, not only digits). Dates are the
    peer's local time, of which no zone is known. `text` is raw: its encoding may differ from the receipt's.
    `network_error` is the TLV of §5.3.2.31 (network type, code), `reference` the user_message_reference that we gave
    with the message, where the centre echoes it.
    """

    id: str | None = None
    sub: int | None = None
    dlvrd: int | None = None
    submit_date: datetime | None = None
    done_date: datetime | None = None
    stat: str | None = None
    err: str | None = None
    text: bytes | None = None
    network_error: tuple[int, int] | None = None
    reference: int | None = None

    @property
    def state(self) -> State | None:
        """What `stat` means; None for one we do not know."""
        return _SPELLINGS.get(self.stat.upper()) if self.stat else None

    @property
    def final(self) -> bool:
        """Whether nothing more is to come about the message."""
        return self.state in FINAL


#: user_message_reference has 16 bits (§5.3.2.17).
_MOST_REFERENCE: Final = 0xFFFF
_RECEIPT_TYPES: Final = (0x04, 0x20, 0x24)
_MESSAGE_TYPE_BITS: Final = 0x3C
_LOOKS_LIKE_ONE: Final = re.compile(
    rb"\s*id:\S+\s(?=.*\bstat:).*\b(?:sub|dlvrd|done date|err):", re.IGNORECASE | re.DOTALL
)


def is_receipt(pdu: Carrier) -> bool:
    """Whether a deliver_sm or data_sm is a receipt rather than a customer's text.

    SMPP 3.4 §5.2.12: esm_class bits 5–2 = 0001 is a receipt and bit 5 an intermediate notification; centres set other
    bits beside (0x44), so only these count. Some leave esm_class 0 (SMPP.md quirk 8): then the receipted_message_id
    TLV or a body of the usual shape decides.
    """
    if pdu.esm_class & _MESSAGE_TYPE_BITS in _RECEIPT_TYPES:
        return True
    if pdu.esm_class & _MESSAGE_TYPE_BITS:
        return False
    if pdu.tlvs and last_tlv(pdu.tlvs, TAG_RECEIPTED_MESSAGE_ID):
        return True
    octets = content_of(pdu).octets if pdu.tlvs else getattr(pdu, "short_message", b"")
    return b":" in octets and _LOOKS_LIKE_ONE.match(_narrow(octets)) is not None


def receipt_of(pdu: Carrier) -> Receipt:
    """The receipt in a deliver_sm or data_sm, from short_message, message_payload or TLVs alone."""
    return parse(content_of(pdu).octets, pdu.tlvs)


_KEY: Final = re.compile(
    rb"(?:^|(?<=[\s,;]))(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text):", re.IGNORECASE
)
#: "362d9701 2": nothing but an id and the number of the state (jasmin#224).
_BARE: Final = re.compile(rb"\s*([0-9A-Za-z-]+)\s+([0-9])\s*")
#: The shape of appendix B, as most centres send it: read in one go, and anything else field by field.
_USUAL: Final = re.compile(
    rb"id:([^\s,;]+) sub:([0-9]{1,9}) dlvrd:([0-9]{1,9}) submit date:([0-9]+) done date:([0-9]+) stat:(\w+)"
    rb" err:(\w+)(?: [Tt]ext:(.*))?",
    re.DOTALL,
)


def parse(octets: bytes, tlvs: Tlvs = (), *, tlvs_win: bool = True) -> Receipt:
    """Reads a receipt of any shape; never fails. Fields that TLVs carry win unless `tlvs_win` is False."""
    octets = _narrow(octets).rstrip(b"\0")
    usual = _USUAL.fullmatch(octets)
    told = _parse_usual(usual) if usual else _parse_any(octets)
    return _with_tlvs(told, tlvs, tlvs_win) if tlvs else told


def _parse_usual(match: re.Match[bytes]) -> Receipt:
    identifier, sub, dlvrd, submitted, done, stat, err, text = match.groups()
    return Receipt(
        identifier.decode("latin-1"),
        int(sub),
        int(dlvrd),
        _date(submitted),
        _date(done),
        stat.decode(),
        err.decode(),
        text,
    )


def _parse_any(octets: bytes) -> Receipt:
    fields = _fields(octets)
    if not fields and (bare := _BARE.fullmatch(octets)):
        return Receipt(id=bare[1].decode(), stat=STATE_BY_NUMBER[int(bare[2])].value)
    return Receipt(
        id=_word(fields, b"id"),
        sub=_number(fields, b"sub"),
        dlvrd=_number(fields, b"dlvrd"),
        submit_date=_date((_word(fields, b"submitdate") or "").encode("latin-1")),
        done_date=_date((_word(fields, b"donedate") or "").encode("latin-1")),
        stat=_word(fields, b"stat"),
        err=_word(fields, b"err"),
        text=fields.get(b"text"),
    )


def _with_tlvs(told: Receipt, tlvs: Tlvs, tlvs_win: bool) -> Receipt:
    """The receipt with what receipted_message_id, message_state, network_error_code and user_message_reference say."""
    octets = last_tlv(tlvs, TAG_RECEIPTED_MESSAGE_ID) or b""
    identifier = octets.split(b"\0")[0].decode("latin-1") or None
    state = STATE_BY_NUMBER.get(int.from_bytes(last_tlv(tlvs, TAG_MESSAGE_STATE) or b"\xff"))
    stat = state.value if state is not None else None
    network_error = last_tlv(tlvs, TAG_NETWORK_ERROR_CODE) or b""
    reference = last_tlv(tlvs, TAG_USER_MESSAGE_REFERENCE)
    return msgspec.structs.replace(
        told,
        id=identifier or told.id if tlvs_win else told.id or identifier,
        stat=stat or told.stat if tlvs_win else told.stat or stat,
        network_error=(network_error[0], int.from_bytes(network_error[1:])) if len(network_error) == 3 else None,
        # Another width holds it, too; a greater number is not one that we gave.
        reference=given if reference and (given := int.from_bytes(reference)) <= _MOST_REFERENCE else None,
    )


def _narrow(octets: bytes) -> bytes:
    """A receipt that is UCS-2 throughout, as UTF-8; everything else as it is (SMPP.md quirk 12).

    data_coding is not asked: centres announce UCS-2 and send ASCII.
    """
    is_wide = len(octets) >= 8 and len(octets) % 2 == 0 and not any(octets[:8:2]) and all(octets[1:8:2])
    return octets.decode("utf-16-be", "replace").encode() if is_wide else octets


def _fields(octets: bytes) -> dict[bytes, bytes]:
    """Values by key, unread. `text` runs to the end, or to a known key that has not been seen before it."""
    keys = [(match[1].lower().replace(b" ", b"").replace(b"_", b""), match) for match in _KEY.finditer(octets)]
    fields: dict[bytes, bytes] = {}
    name, start = b"", 0
    for key, match in keys:
        if key in fields or key == name:
            continue  # a customer's own "id:" in the text, or a repeated field: the first counts
        if name:
            fields[name] = octets[start : match.start()]
        name, start = key, match.end()
    if name:
        fields[name] = octets[start:]
    if b"text" in fields and name != b"text":
        fields[b"text"] = fields[b"text"].rstrip()
    return fields


def _word(fields: Mapping[bytes, bytes], key: bytes) -> str | None:
    """The first word of a field: some centres put words without a key behind it."""
    words = fields.get(key, b"").split(maxsplit=1)
    return words[0].decode("latin-1").rstrip(",;") if words else None


def _number(fields: Mapping[bytes, bytes], key: bytes) -> int | None:
    word = _word(fields, key)
    return int(word) if word and word.isascii() and word.isdigit() and len(word) <= 9 else None


def _date(digits: bytes) -> datetime | None:
    """YYMMDDhhmm, YYMMDDhhmmss, YYYYMMDDhhmm (where the former would be impossible) or YYYYMMDDhhmmss."""
    size = len(digits)
    if size not in (10, 12, 14) or not digits.isdigit():
        return None
    if size == 14:
        return _instant(int(digits[:4]), digits[4:])
    # Receipts of 1970 are epoch zeros; from 70 on a two-digit year is of the last century.
    year = int(digits[:2])
    short = _instant(year + (1900 if year >= 70 else 2000), digits[2:])
    return short or (_instant(int(digits[:4]), digits[4:]) if size == 12 else None)


def _instant(year: int, rest: bytes) -> datetime | None:
    """MMDDhhmm and perhaps ss of a year; None where the calendar has no such instant."""
    try:
        return datetime(  # noqa: DTZ001 - the peer tells no zone
            year, int(rest[:2]), int(rest[2:4]), int(rest[4:6]), int(rest[6:8]), int(rest[8:] or b"0")
        )
    except ValueError:
        return None


#: Appendix B: the receipt repeats the first 20 characters of the text.
_TEXT_OCTETS: Final = 20


def format_text(receipt: Receipt, *, seconds: bool = False) -> bytes:
    """The text of a receipt as of appendix B; fields that are None are left out. `seconds`: dates of 12 digits."""
    pattern = "%y%m%d%H%M%S" if seconds else "%y%m%d%H%M"
    fields = (
        ("id", receipt.id),
        ("sub", None if receipt.sub is None else f"{receipt.sub:03}"),
        ("dlvrd", None if receipt.dlvrd is None else f"{receipt.dlvrd:03}"),
        ("submit date", receipt.submit_date and receipt.submit_date.strftime(pattern)),
        ("done date", receipt.done_date and receipt.done_date.strftime(pattern)),
        ("stat", receipt.stat),
        ("err", receipt.err),
    )
    head = " ".join(f"{key}:{value}" for key, value in fields if value is not None).encode("latin-1", "replace")
    return head if receipt.text is None else head + b" text:" + receipt.text[:_TEXT_OCTETS]


#: Longer ones are UUIDs and the like (32 digits), of which nothing may be stripped.
_NUMBER: Final = re.compile(r"[0-9a-f]{1,28}")


def stored_form(message_id: str) -> str:
    """The form in which a message id is stored: case folded and, for a number, without leading zeros."""
    folded = message_id.strip(" \0").lower()
    if folded[:1] != "0" or not _NUMBER.fullmatch(folded):
        return folded
    return folded.lstrip("0") or "0"


def id_forms(message_id: str) -> tuple[str, ...]:
    """The forms under which a message id may be known on the other side, the most literal first.

    The first is the one to store. The others are the same number read as decimal and written in hexadecimal, and the
    reverse (SMPP.md quirks 1 to 5). Anything but a number of at most 28 digits (UUIDs among them) has one form.
    """
    folded = message_id.strip(" \0").lower()
    forms = [stored_form(folded)]
    if not _NUMBER.fullmatch(folded):
        return (folded,)
    if folded.isdigit():
        forms.append(f"{int(folded):x}")
    forms.append(str(int(folded, 16)))
    return tuple(dict.fromkeys(forms))


def same_id(response_id: str, receipt_id: str) -> bool:
    """Whether an id in a submit_sm_resp and one in a receipt can be the same message's."""
    return stored_form(response_id) in id_forms(receipt_id)
