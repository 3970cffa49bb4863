"""What follows a refusal: the standard's table, and a connector's own settings before it."""

import pytest

from config.values import Refusals
from gateway.refusals import FIRST_RETRY, LONGEST_RETRY, MOST_TRIES, follows, retry_after
from router.instants import HOUR, MINUTE, SECOND
from smpp import constants as c

NONE = Refusals()


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (c.ESME_RTHROTTLED, "pause"),
        (c.ESME_RMSGQFUL, "pause"),
        (c.ESME_RSYSERR, "retry"),
        (c.ESME_RX_T_APPN, "retry"),
        (c.ESME_RX_R_APPN, "fail"),
        (c.ESME_RX_P_APPN, "fail"),
        (c.ESME_RINVDSTADR, "fail"),
        (c.ESME_RSUBMITFAIL, "fail"),
        (0x0000_0400, "fail"),
    ],
)
def test_the_standard_table(status: int, step: str) -> None:
    assert follows(status, NONE) == step


def test_a_connectors_own_settings_come_first() -> None:
    own = Refusals(((c.ESME_RTHROTTLED, "fail"), (0x0000_0400, "retry")))
    assert follows(c.ESME_RTHROTTLED, own) == "fail"
    assert follows(0x0000_0400, own) == "retry"
    assert follows(c.ESME_RMSGQFUL, own) == "pause"


def test_waits_double_up_to_an_hour() -> None:
    waits = [retry_after(attempts) for attempts in range(MOST_TRIES)]
    assert waits[:4] == [FIRST_RETRY, FIRST_RETRY, 10 * SECOND, 20 * SECOND]
    assert waits[-1] == LONGEST_RETRY == HOUR
    assert 2 * HOUR < sum(waits[1:]) < 3 * HOUR
    assert retry_after(8) == 10 * MINUTE + 40 * SECOND
