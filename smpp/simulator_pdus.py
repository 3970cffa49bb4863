"""The PDUs that a simulated centre makes: texts from phones and delivery receipts."""

from datetime import datetime
from typing import Final

from smpp.codec import encode
from smpp.concat import Segment, content_of
from smpp.constants import (
    NPI_ISDN,
    NPI_UNKNOWN,
    TAG_MESSAGE_PAYLOAD,
    TAG_MESSAGE_STATE,
    TAG_RECEIPTED_MESSAGE_ID,
    TAG_USER_MESSAGE_REFERENCE,
    TON_INTERNATIONAL,
    TON_NETWORK_SPECIFIC,
)
from smpp.pdu import DataSm, DeliverSm
from smpp.receipt import STATE_BY_NUMBER, Receipt, State, format_text
from smpp.simulator_conduct import Conduct, PlannedReceipt, Submit
from smpp.simulator_phones import digits
from smpp.tlv import number

#: A number of at most so many digits is a short code.
_SHORT_CODE_DIGITS: Final = 6

#: esm_class of a delivery receipt (SMPP 3.4 §5.2.12).
_RECEIPT: Final = 0x04

_STATE_NUMBERS: Final = {state: number for number, state in STATE_BY_NUMBER.items()}


def deliver_sm(sender: str, to: str, segment: Segment, data_coding: int) -> DeliverSm:
    """One part of a phone's text, addressed as European centres do: short codes 3/0, all else 1/1.

    Raises LocalFault for a number that SMPP cannot carry.
    """
    short = len(digits(to)) <= _SHORT_CODE_DIGITS
    pdu = DeliverSm(
        source_addr_ton=TON_INTERNATIONAL,
        source_addr_npi=NPI_ISDN,
        source_addr=digits(sender),
        dest_addr_ton=TON_NETWORK_SPECIFIC if short else TON_INTERNATIONAL,
        dest_addr_npi=NPI_UNKNOWN if short else NPI_ISDN,
        destination_addr=digits(to),
        esm_class=segment.esm_class,
        data_coding=data_coding,
        short_message=segment.short_message,
        tlvs=segment.tlvs,
    )
    encode(pdu)  # refused here, where the texter is told, and not when it is sent
    return pdu


def reference_of(submit: Submit) -> int | None:
    """The user_message_reference that an ESME gave its message (SMPP 3.4 §5.3.2.17), None if it gave none."""
    return number(submit.tlvs, TAG_USER_MESSAGE_REFERENCE)


def receipt_pdu(
    submit: Submit, id: int, planned: PlannedReceipt, conduct: Conduct, today: datetime
) -> DeliverSm | DataSm:
    """The receipt of a submitted message, in the shape that the conduct asks for; addresses change places."""
    message_id = (planned.ids or conduct.ids).in_receipt(id)
    text = content_of(submit).octets if submit.data_coding == 0 else b""
    delivered = int(planned.state is State.DELIVERED)
    told = Receipt(message_id, 1, delivered, today, today, planned.state.value, planned.err, text)
    body = format_text(told) if conduct.receipt_text else b""
    # SMPP 3.4 §5.3.2.17: what the ESME gave with the message comes back with its receipt.
    tlvs = tuple(tlv for tlv in submit.tlvs if tlv[0] == TAG_USER_MESSAGE_REFERENCE)
    if conduct.receipt_tlvs or not conduct.receipt_text:
        tlvs += (
            (TAG_RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
            (TAG_MESSAGE_STATE, bytes((_STATE_NUMBERS[planned.state],))),
        )
    if conduct.by_data_sm:
        return DataSm(
            source_addr_ton=submit.dest_addr_ton,
            source_addr_npi=submit.dest_addr_npi,
            source_addr=submit.destination_addr,
            dest_addr_ton=submit.source_addr_ton,
            dest_addr_npi=submit.source_addr_npi,
            destination_addr=submit.source_addr,
            esm_class=_RECEIPT,
            tlvs=((TAG_MESSAGE_PAYLOAD, body), *tlvs) if body else tlvs,
        )
    return DeliverSm(
        source_addr_ton=submit.dest_addr_ton,
        source_addr_npi=submit.dest_addr_npi,
        source_addr=submit.destination_addr[:20],
        dest_addr_ton=submit.source_addr_ton,
        dest_addr_npi=submit.source_addr_npi,
        destination_addr=submit.source_addr[:20],  # a data_sm's addresses may be longer
        esm_class=_RECEIPT,
        short_message=body,
        tlvs=tlvs,
    )
