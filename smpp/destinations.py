"""The entries of submit_multi and its response: one destination each (SMPP 3.4 §4.5.1.1, §4.5.1.2, §4.5.2.1)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import msgspec

from smpp.fields import U8, U32, CString

ADDRESS: Final = CString(21)


class SmeAddress(msgspec.Struct, frozen=True, gc=False):
    """A destination of submit_multi that is a phone (§4.5.1.1, dest_flag 1)."""

    dest_flag: ClassVar[int] = 1

    dest_addr_ton: Annotated[int, U8] = 0
    dest_addr_npi: Annotated[int, U8] = 0
    destination_addr: Annotated[str, ADDRESS] = ""


class DistributionList(msgspec.Struct, frozen=True, gc=False):
    """A destination of submit_multi that is a list kept by the centre (§4.5.1.2, dest_flag 2)."""

    dest_flag: ClassVar[int] = 2

    dl_name: Annotated[str, CString(21)] = ""


class UnsuccessSme(msgspec.Struct, frozen=True, gc=False):
    """A destination that submit_multi could not reach, and why (§4.5.2.1)."""

    dest_addr_ton: Annotated[int, U8] = 0
    dest_addr_npi: Annotated[int, U8] = 0
    destination_addr: Annotated[str, ADDRESS] = ""
    error_status_code: Annotated[int, U32] = 0
