"""The PDUs of SMPP 3.4, each declared once (§4.1 to §4.12); types, parser and builder all come from here.

Names are the specification's. Counts that follow from a value (sm_length, number_of_dests, no_unsuccess) are no fields:
the codec writes them. Enumerations are open integers. Fields of a response are None where the peer left them out: an
error response ends behind the header (§4.4.2), and some centres say OK without a body. `tlvs` are the optional
parameters in the order of the wire, repeated, unknown and vendors' ones unchanged.

Every class has `command_id`, `command` (the specification's name), `response` (the class that answers it, or None),
`is_response` and `takes_tlvs` (whether the specification lets it carry optional parameters).
`trailing` holds octets behind the last thing that can be read; a PDU with such octets can be kept, but not sent.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import msgspec

from smpp import constants as c
from smpp.destinations import ADDRESS, DistributionList, SmeAddress, UnsuccessSme
from smpp.fields import U8, CString, Listed, Octets

Tlvs = tuple[tuple[int, bytes], ...]

SHORT_MESSAGE: Final = Octets("sm_length", 254)  # §5.2.21 and §5.2.22
TIME: Final = CString(17)
MESSAGE_ID: Final = CString(65)


class Pdu(msgspec.Struct, frozen=True, gc=False):
    """What all PDUs have: the header's two numbers that vary, and what may follow the declared fields."""

    command_id: ClassVar[int] = -1
    command: ClassVar[str] = ""
    is_response: ClassVar[bool] = False
    takes_tlvs: ClassVar[bool] = True
    response: ClassVar[type[Pdu] | None] = None

    sequence_number: int = 0
    command_status: int = 0
    tlvs: Tlvs = ()
    trailing: bytes = b""


class GenericNack(Pdu, frozen=True, gc=False):
    """§4.3.1: the answer to what could not be understood."""

    command_id = c.GENERIC_NACK
    command = "generic_nack"
    is_response = True
    takes_tlvs = False


class _BindResp(Pdu, frozen=True, gc=False):
    """§4.1.2 and its like; sc_interface_version comes as a TLV."""

    is_response = True

    system_id: Annotated[str | None, CString(16)] = None


class BindReceiverResp(_BindResp, frozen=True, gc=False):
    """§4.1.4."""

    command_id = c.BIND_RECEIVER_RESP
    command = "bind_receiver_resp"


class BindTransmitterResp(_BindResp, frozen=True, gc=False):
    """§4.1.2."""

    command_id = c.BIND_TRANSMITTER_RESP
    command = "bind_transmitter_resp"


class BindTransceiverResp(_BindResp, frozen=True, gc=False):
    """§4.1.6."""

    command_id = c.BIND_TRANSCEIVER_RESP
    command = "bind_transceiver_resp"


class _Bind(Pdu, frozen=True, gc=False):
    """§4.1.1 and its like."""

    system_id: Annotated[str, CString(16)] = ""
    password: Annotated[str, CString(9)] = ""
    system_type: Annotated[str, CString(13)] = ""
    interface_version: Annotated[int, U8] = c.INTERFACE_34
    addr_ton: Annotated[int, U8] = 0
    addr_npi: Annotated[int, U8] = 0
    address_range: Annotated[str, CString(41)] = ""


class BindReceiver(_Bind, frozen=True, gc=False):
    """§4.1.3: an ESME that only receives."""

    command_id = c.BIND_RECEIVER
    command = "bind_receiver"
    response = BindReceiverResp


class BindTransmitter(_Bind, frozen=True, gc=False):
    """§4.1.1: an ESME that only submits."""

    command_id = c.BIND_TRANSMITTER
    command = "bind_transmitter"
    response = BindTransmitterResp


class BindTransceiver(_Bind, frozen=True, gc=False):
    """§4.1.5: an ESME that does both."""

    command_id = c.BIND_TRANSCEIVER
    command = "bind_transceiver"
    response = BindTransceiverResp


class Outbind(Pdu, frozen=True, gc=False):
    """§4.1.7: a centre asks an ESME to bind; it has no response."""

    command_id = c.OUTBIND
    command = "outbind"
    takes_tlvs = False

    system_id: Annotated[str, CString(16)] = ""
    password: Annotated[str, CString(9)] = ""


class UnbindResp(Pdu, frozen=True, gc=False):
    """§4.2.2."""

    command_id = c.UNBIND_RESP
    command = "unbind_resp"
    is_response = True
    takes_tlvs = False


class Unbind(Pdu, frozen=True, gc=False):
    """§4.2.1: the sender is about to close."""

    command_id = c.UNBIND
    command = "unbind"
    takes_tlvs = False
    response = UnbindResp


class EnquireLinkResp(Pdu, frozen=True, gc=False):
    """§4.11.2."""

    command_id = c.ENQUIRE_LINK_RESP
    command = "enquire_link_resp"
    is_response = True
    takes_tlvs = False


class EnquireLink(Pdu, frozen=True, gc=False):
    """§4.11.1: are you there?"""

    command_id = c.ENQUIRE_LINK
    command = "enquire_link"
    takes_tlvs = False
    response = EnquireLinkResp


class SubmitSmResp(Pdu, frozen=True, gc=False):
    """§4.4.2."""

    command_id = c.SUBMIT_SM_RESP
    command = "submit_sm_resp"
    is_response = True

    message_id: Annotated[str | None, MESSAGE_ID] = None


class DeliverSmResp(Pdu, frozen=True, gc=False):
    """§4.6.2: message_id is unused, and filled by some."""

    command_id = c.DELIVER_SM_RESP
    command = "deliver_sm_resp"
    is_response = True

    message_id: Annotated[str | None, MESSAGE_ID] = None


class _ShortMessage(Pdu, frozen=True, gc=False):
    """The body that submit_sm and deliver_sm share (§4.4.1, §4.6.1)."""

    service_type: Annotated[str, CString(6)] = ""
    source_addr_ton: Annotated[int, U8] = 0
    source_addr_npi: Annotated[int, U8] = 0
    source_addr: Annotated[str, ADDRESS] = ""
    dest_addr_ton: Annotated[int, U8] = 0
    dest_addr_npi: Annotated[int, U8] = 0
    destination_addr: Annotated[str, ADDRESS] = ""
    esm_class: Annotated[int, U8] = 0
    protocol_id: Annotated[int, U8] = 0
    priority_flag: Annotated[int, U8] = 0
    schedule_delivery_time: Annotated[str, TIME] = ""
    validity_period: Annotated[str, TIME] = ""
    registered_delivery: Annotated[int, U8] = 0
    replace_if_present_flag: Annotated[int, U8] = 0
    data_coding: Annotated[int, U8] = 0
    sm_default_msg_id: Annotated[int, U8] = 0
    short_message: Annotated[bytes, SHORT_MESSAGE] = b""


class SubmitSm(_ShortMessage, frozen=True, gc=False):
    """§4.4.1: a message from an ESME to a phone."""

    command_id = c.SUBMIT_SM
    command = "submit_sm"
    response = SubmitSmResp


class DeliverSm(_ShortMessage, frozen=True, gc=False):
    """§4.6.1: a message or a delivery receipt from the centre to an ESME."""

    command_id = c.DELIVER_SM
    command = "deliver_sm"
    response = DeliverSmResp


class SubmitMultiResp(Pdu, frozen=True, gc=False):
    """§4.5.2."""

    command_id = c.SUBMIT_MULTI_RESP
    command = "submit_multi_resp"
    is_response = True

    message_id: Annotated[str | None, MESSAGE_ID] = None
    unsuccess_smes: Annotated[tuple[UnsuccessSme, ...] | None, Listed("no_unsuccess", {None: UnsuccessSme})] = None


class SubmitMulti(Pdu, frozen=True, gc=False):
    """§4.5.1: one message to several destinations."""

    command_id = c.SUBMIT_MULTI
    command = "submit_multi"
    response = SubmitMultiResp

    service_type: Annotated[str, CString(6)] = ""
    source_addr_ton: Annotated[int, U8] = 0
    source_addr_npi: Annotated[int, U8] = 0
    source_addr: Annotated[str, ADDRESS] = ""
    dest_addresses: Annotated[
        tuple[SmeAddress | DistributionList, ...], Listed("number_of_dests", {1: SmeAddress, 2: DistributionList}, 254)
    ] = ()
    esm_class: Annotated[int, U8] = 0
    protocol_id: Annotated[int, U8] = 0
    priority_flag: Annotated[int, U8] = 0
    schedule_delivery_time: Annotated[str, TIME] = ""
    validity_period: Annotated[str, TIME] = ""
    registered_delivery: Annotated[int, U8] = 0
    replace_if_present_flag: Annotated[int, U8] = 0
    data_coding: Annotated[int, U8] = 0
    sm_default_msg_id: Annotated[int, U8] = 0
    short_message: Annotated[bytes, SHORT_MESSAGE] = b""


class DataSmResp(Pdu, frozen=True, gc=False):
    """§4.7.2."""

    command_id = c.DATA_SM_RESP
    command = "data_sm_resp"
    is_response = True

    message_id: Annotated[str | None, MESSAGE_ID] = None


class DataSm(Pdu, frozen=True, gc=False):
    """§4.7.1: a message whose text is a TLV, either way."""

    command_id = c.DATA_SM
    command = "data_sm"
    response = DataSmResp

    service_type: Annotated[str, CString(6)] = ""
    source_addr_ton: Annotated[int, U8] = 0
    source_addr_npi: Annotated[int, U8] = 0
    source_addr: Annotated[str, CString(65)] = ""
    dest_addr_ton: Annotated[int, U8] = 0
    dest_addr_npi: Annotated[int, U8] = 0
    destination_addr: Annotated[str, CString(65)] = ""
    esm_class: Annotated[int, U8] = 0
    registered_delivery: Annotated[int, U8] = 0
    data_coding: Annotated[int, U8] = 0


class QuerySmResp(Pdu, frozen=True, gc=False):
    """§4.8.2."""

    command_id = c.QUERY_SM_RESP
    command = "query_sm_resp"
    is_response = True
    takes_tlvs = False

    message_id: Annotated[str | None, MESSAGE_ID] = None
    final_date: Annotated[str | None, TIME] = None
    message_state: Annotated[int | None, U8] = None
    error_code: Annotated[int | None, U8] = None


class QuerySm(Pdu, frozen=True, gc=False):
    """§4.8.1: what became of a message."""

    command_id = c.QUERY_SM
    command = "query_sm"
    takes_tlvs = False
    response = QuerySmResp

    message_id: Annotated[str, MESSAGE_ID] = ""
    source_addr_ton: Annotated[int, U8] = 0
    source_addr_npi: Annotated[int, U8] = 0
    source_addr: Annotated[str, ADDRESS] = ""


class CancelSmResp(Pdu, frozen=True, gc=False):
    """§4.9.2."""

    command_id = c.CANCEL_SM_RESP
    command = "cancel_sm_resp"
    is_response = True
    takes_tlvs = False


class CancelSm(Pdu, frozen=True, gc=False):
    """§4.9.1: take a message back; with an empty message_id all that wait for that pair of addresses."""

    command_id = c.CANCEL_SM
    command = "cancel_sm"
    takes_tlvs = False
    response = CancelSmResp

    service_type: Annotated[str, CString(6)] = ""
    message_id: Annotated[str, MESSAGE_ID] = ""
    source_addr_ton: Annotated[int, U8] = 0
    source_addr_npi: Annotated[int, U8] = 0
    source_addr: Annotated[str, ADDRESS] = ""
    dest_addr_ton: Annotated[int, U8] = 0
    dest_addr_npi: Annotated[int, U8] = 0
    destination_addr: Annotated[str, ADDRESS] = ""


class ReplaceSmResp(Pdu, frozen=True, gc=False):
    """§4.10.2."""

    command_id = c.REPLACE_SM_RESP
    command = "replace_sm_resp"
    is_response = True
    takes_tlvs = False


class ReplaceSm(Pdu, frozen=True, gc=False):
    """§4.10.1: put other text in a message that still waits."""

    command_id = c.REPLACE_SM
    command = "replace_sm"
    response = ReplaceSmResp

    message_id: Annotated[str, MESSAGE_ID] = ""
    source_addr_ton: Annotated[int, U8] = 0
    source_addr_npi: Annotated[int, U8] = 0
    source_addr: Annotated[str, ADDRESS] = ""
    schedule_delivery_time: Annotated[str, TIME] = ""
    validity_period: Annotated[str, TIME] = ""
    registered_delivery: Annotated[int, U8] = 0
    sm_default_msg_id: Annotated[int, U8] = 0
    short_message: Annotated[bytes, SHORT_MESSAGE] = b""


class AlertNotification(Pdu, frozen=True, gc=False):
    """§4.12.1: a phone can be reached again; it has no response."""

    command_id = c.ALERT_NOTIFICATION
    command = "alert_notification"

    source_addr_ton: Annotated[int, U8] = 0
    source_addr_npi: Annotated[int, U8] = 0
    source_addr: Annotated[str, CString(65)] = ""
    esme_addr_ton: Annotated[int, U8] = 0
    esme_addr_npi: Annotated[int, U8] = 0
    esme_addr: Annotated[str, CString(65)] = ""


PDUS: Final[tuple[type[Pdu], ...]] = (
    GenericNack, BindReceiver, BindReceiverResp, BindTransmitter, BindTransmitterResp, BindTransceiver,
    BindTransceiverResp, Outbind, Unbind, UnbindResp, EnquireLink, EnquireLinkResp, SubmitSm, SubmitSmResp, SubmitMulti,
    SubmitMultiResp, DeliverSm, DeliverSmResp, DataSm, DataSmResp, QuerySm, QuerySmResp, CancelSm, CancelSmResp,
    ReplaceSm, ReplaceSmResp, AlertNotification,
)  # fmt: skip

BY_COMMAND_ID: Final[dict[int, type[Pdu]]] = {kind.command_id: kind for kind in PDUS}
BY_COMMAND: Final[dict[str, type[Pdu]]] = {kind.command: kind for kind in PDUS}
