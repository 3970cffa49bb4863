"""The one translator between the wire's words and ours: `short_message` and `data_coding` below, text and sender above.

Reading never fails: damage in a text shows as marks, and what is declared to be no text becomes an `Inbound` that says
why it is unreadable, and is kept with its octets. What comes of it, every store takes: no NUL, no half of a surrogate
pair, no name too long for an index. Which TON and NPI an address gets, and what data_coding 0 means, differs per
message centre and is settled here from its settings.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import NamedTuple

from config.connectors import Addresses, Connector
from config.values import TonNpi
from gateway.connectors.message_ids import IdForms
from router.claims import Claim
from router.messages import Inbound, Part
from router.receipts import ReceiptIn, reference_of
from smpp import concat, text
from smpp.constants import TAG_USER_MESSAGE_REFERENCE
from smpp.pdu import DataSm, DeliverSm, SubmitSm
from smpp.receipt import is_receipt, receipt_of
from smpp.text import Encoding, TextFault

TON_INTERNATIONAL = 1
RECEIPT_ON_FINAL = 0x01
"""registered_delivery: a receipt whether delivered or not (SMPP 3.4 §5.2.17)."""
CODE_VALIDITY = "000000000500000R"
"""Five minutes, `router.consent.CODE_LIFE`: a code that comes later is of no use (SMPP 3.4 §7.1.1.2)."""
CONFIRMATION_VALIDITY = "000000000500000R"
"""Five minutes, `router.consent.CONFIRMATION_LIFE`: a phone that is off for long gets nothing more after its STOP."""
VALIDITY = {"otp": CODE_VALIDITY, "stop_confirmation": CONFIRMATION_VALIDITY}
"""How long the centre may try, by class of text; the others as long as it likes."""
_BLANK = b" \t\r\n\0"
KNOWN_TEXTS = 1_024
"""Texts kept with their octets: what rules say again and again; a text with a name in it is not worth more."""

MOST_WORD = 128
"""Characters that are kept of an address, a message id and the like; SMPP has 64 at most, but longer ones are read. As
UTF-8, and three to a row, they fit into an index of PostgreSQL (2,700 octets)."""

Carried = DeliverSm | DataSm
_HAVE_CHARACTERS = frozenset(Encoding) - {Encoding.BINARY}
"""The encodings that have characters."""


def decode(octets: bytes, charset: str) -> str:
    """Octets as text, by the name that `Inbound.charset` gives; what cannot be read shows as a mark. Never fails: parts
    are read long after they were acknowledged. A name that is none (any more) stands for ASCII."""
    name, locking, single_shift = (*charset.split("/"), "0", "0")[:3]
    encoding = Encoding(name) if name in _HAVE_CHARACTERS else Encoding.ASCII
    return _read(octets, encoding, int(locking), int(single_shift))


def _read(octets: bytes, encoding: Encoding, locking: int, single_shift: int) -> str:
    """The same. A NUL is no character: at the end it ends a string of C, and PostgreSQL takes none."""
    said = text.decode_as(octets, encoding, locking, single_shift, lenient=True)
    return said.rstrip("\0").replace("\0", text.MARK) if "\0" in said else said


def guessed(octets: bytes) -> str:
    """What octets say that are declared to be no text, if all of them are printable ASCII: some centres declare so
    whatever phones write. Otherwise nothing."""
    said = octets.strip(_BLANK)
    return said.decode("ascii") if said.isascii() and said.decode("ascii").isprintable() else ""


def storable(said: str) -> str:
    """What a receipt says, as every store takes it: without NUL, which ends it, or is half of each character of one in
    UCS-2 (quirks 11 to 13); PostgreSQL takes none."""
    return said.replace("\0", "")


def word(said: str | None) -> str:
    """The same of what names something, and no longer than a name can be."""
    return storable(said)[:MOST_WORD] if said else ""


class Origin(NamedTuple):
    """Where and when something came in: its new id, the session that carried it, and the instant (microseconds)."""

    id: int
    session: int
    at: int


class Mapping:
    """The translation for one connector. `short_codes` are those of our numbers that are short codes."""

    def __init__(self, settings: Connector, short_codes: Collection[str]) -> None:
        self.connector = settings.name
        self._default_in = Encoding(settings.charset_in)
        self._default_out = Encoding(settings.charset_out)
        self._method = concat.Method(settings.long_messages)
        self._addresses: Addresses = settings.addresses
        self._short_codes = frozenset(short_codes)
        self._registered = RECEIPT_ON_FINAL if settings.receipts else 0
        self._reference = settings.reference
        self._ids = IdForms(settings.message_ids)
        self._group = settings.group or settings.name
        self._id_tlv = settings.id_tlv
        self._plus = "+" if settings.addresses.plus else ""
        self._sources: dict[str, tuple[int, int, str]] = {}
        self._known: dict[tuple[str, str], tuple[Encoding, tuple[concat.Segment, ...]]] = {}

    def is_receipt(self, pdu: Carried) -> bool:
        """Whether a PDU from the centre is a delivery receipt, not a text."""
        return is_receipt(pdu)

    def to_inbound(self, pdu: Carried, frame: bytes, origin: Origin) -> Inbound:
        """A text as the router takes it; `frame` is the whole PDU as it came."""
        content = concat.content_of(pdu, packed=self._default_in is Encoding.GSM7_PACKED and not pdu.data_coding)
        read, charset, unreadable = self._read(content, pdu.data_coding)
        part = content.part
        return Inbound(
            id=origin.id,
            connector=self.connector,
            session=origin.session,
            sequence=pdu.sequence_number,
            sender=plain(pdu.source_addr, pdu.source_addr_ton),
            recipient=plain(pdu.destination_addr, pdu.dest_addr_ton),
            text=read,
            received_at=origin.at,
            octets=content.octets,
            charset=charset,
            part=None if part is None or part.total == 1 else Part(part.reference, part.total, part.index),
            frame=frame,
            unreadable=unreadable,
            fingerprint=0 if unreadable else fingerprint(self._group, pdu),
            strong_id=self._strong_id(pdu) if self._id_tlv else "",
            scope=self._group,
        )

    def _strong_id(self, pdu: Carried) -> str:
        value = next((value for tag, value in pdu.tlvs if tag == self._id_tlv), b"")
        return value.hex() if len(value) <= MOST_WORD // 2 else sha256(value).hexdigest()

    def _read(self, content: concat.Content, data_coding: int) -> tuple[str, str, str]:
        """Text, name of the charset, and why it cannot be read (empty when it can: damage shows as marks)."""
        encoding = text.encoding_of(data_coding, self._default_in)
        if encoding is Encoding.GSM7_PACKED:
            encoding = Encoding.GSM7  # `content_of` has unpacked it
        is_part = content.part is not None and content.part.total > 1
        if encoding is None or encoding is Encoding.BINARY:
            why = f"data_coding 0x{data_coding:02X} carries no text that we can read"
            return "" if is_part else guessed(content.octets), "", why
        locking, single_shift = content.locking, content.single_shift
        charset = f"{encoding}/{locking}/{single_shift}" if locking or single_shift else encoding.value
        if is_part:
            return "", charset, ""  # read when its other parts are there: a character may be cut in two
        return _read(content.octets, encoding, locking, single_shift), charset, ""

    def to_receipt(self, pdu: Carried, frame: bytes, origin: Origin) -> ReceiptIn:
        """A delivery receipt as the router takes it."""
        receipt = receipt_of(pdu)
        state = receipt.state
        phones = (plain(pdu.source_addr, pdu.source_addr_ton), plain(pdu.destination_addr, pdu.dest_addr_ton))
        message_id = word(receipt.id)
        forms, sure = self._ids.of_receipt(message_id, phones) if message_id else ((), True)
        return ReceiptIn(
            id=origin.id,
            connector=self.connector,
            message_id=message_id,
            forms=forms,
            state=state.value if state else (word(receipt.stat) or "UNKNOWN"),
            error=word(receipt.err),
            received_at=origin.at,
            text=storable(concat.content_of(pdu).octets.decode("latin-1")),
            session=origin.session,
            sequence=pdu.sequence_number,
            frame=frame,
            reference=receipt.reference,
            phones=phones,
            sure=sure,
        )

    def to_submits(self, claim: Claim) -> list[SubmitSm]:
        """The PDUs that carry a claimed text, one per segment.

        Raises TextFault when its characters cannot be carried in any encoding we may use here.
        """
        encoding, segments = self._segments(claim)
        ton, npi, source = self._sources.get(claim.number) or self._source(claim.number)
        phone = self._addresses.phone
        data_coding = text.data_coding_of(encoding, self._default_out)
        ours = ((TAG_USER_MESSAGE_REFERENCE, reference_of(claim.id).to_bytes(2)),) if self._reference else ()
        return [
            SubmitSm(
                source_addr_ton=ton,
                source_addr_npi=npi,
                source_addr=source,
                dest_addr_ton=phone.ton,
                dest_addr_npi=phone.npi,
                destination_addr=self._plus + claim.address,
                esm_class=segment.esm_class,
                validity_period=VALIDITY.get(claim.message_class, ""),
                registered_delivery=self._registered,
                data_coding=data_coding,
                short_message=segment.short_message,
                tlvs=segment.tlvs + ours,
            )
            for segment in segments
        ]

    def message_ids(self, ids: list[str], phone: str) -> tuple[str, ...]:
        """The ids of the segments of a message to that phone, in the form they are stored in; none where no receipt
        will come."""
        return tuple([self._ids.answered(word(one), phone) for one in ids if one]) if self._registered else ()

    def _segments(self, claim: Claim) -> tuple[Encoding, tuple[concat.Segment, ...]]:
        """The encoding on this wire and the segments; those of a text that fits one segment are kept: rules repeat."""
        known = self._known.get((claim.text, claim.encoding))
        if known is None:
            known = self._cut(claim)
            if len(known[1]) == 1:
                if len(self._known) >= KNOWN_TEXTS:
                    self._known.clear()
                self._known[claim.text, claim.encoding] = known
        return known

    def _cut(self, claim: Claim) -> tuple[Encoding, tuple[concat.Segment, ...]]:
        reference = reference_of(claim.id)  # ids of one moment differ in few bits: parts would mix on the phone
        encoding = Encoding(claim.encoding)
        if encoding is Encoding.GSM7:
            try:
                return self._default_out, concat.split(claim.text, self._default_out, reference, self._method)
            except TextFault:  # this centre's default alphabet lacks a character of GSM 7-bit (quirk 27)
                encoding = Encoding.UCS2
        return encoding, concat.split(claim.text, encoding, reference, self._method)

    def _source(self, number: str) -> tuple[int, int, str]:
        kinds, plus = self._addresses, ""
        if number in self._short_codes:
            kind: TonNpi = kinds.short_code
        elif number.isdigit():
            kind, plus = kinds.long_number, self._plus
        else:
            kind = kinds.alphanumeric
        source = self._sources[number] = (kind.ton, kind.npi, plus + number)
        return source


def fingerprint(scope: str, pdu: Carried) -> int:
    """What equal PDUs to one group of connectors have in common, in 63 bits, never 0.

    SHA-256 over addresses, kind, coding and content; what a centre may change when it delivers again (priority, times,
    service_type) is left out. Only one sender's texts are ever compared, so 63 bits are plenty.
    """
    known = (
        f"{scope}\0{pdu.source_addr}\0{pdu.destination_addr}\0{pdu.source_addr_ton},{pdu.source_addr_npi},"
        f"{pdu.dest_addr_ton},{pdu.dest_addr_npi},{pdu.esm_class},{pdu.data_coding}"
    )
    content = b"%d\0%b" % (pdu.protocol_id, pdu.short_message) if isinstance(pdu, DeliverSm) else b"-"
    if pdu.tlvs:
        content += repr(pdu.tlvs).encode()
    return int.from_bytes(sha256(known.encode() + content).digest()[:8]) >> 1 or 1


def plain(address: str, ton: int) -> str:
    """An address as the router knows it: digits without a plus or an international 00; a name stays as it came. It has
    no NUL, which ends it on the wire."""
    if address[:1] == "+":
        address = address[1:]
    elif ton == TON_INTERNATIONAL and address[:2] == "00":
        address = address[2:]
    return address[:MOST_WORD]
