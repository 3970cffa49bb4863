"""Numbers against a second source: smpplib's tables, and names for numbers nobody listed."""

from __future__ import annotations

from smpplib import consts

from smpp import constants as c


def test_statuses_agree_with_smpplib() -> None:
    theirs = {name: value for name, value in vars(consts).items() if name.startswith("SMPP_ESME_")}
    ours = {name: value for value, name in c.STATUS_NAMES.items()}
    both = {name: value for name, value in theirs.items() if name.removeprefix("SMPP_") in ours}
    assert len(both) > 40
    assert {name: ours[name.removeprefix("SMPP_")] for name in both} == both


def test_named_statuses_are_the_table() -> None:
    for name, value in vars(c).items():
        if name.startswith("ESME_"):
            assert c.STATUS_NAMES[value] == name


def test_a_status_nobody_listed_is_its_number() -> None:
    assert c.status_name(0x58) == "ESME_RTHROTTLED"
    assert c.status_name(0) == "ESME_ROK"
    assert c.status_name(0x401) == "0x00000401"
