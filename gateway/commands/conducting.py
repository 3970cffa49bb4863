"""How a simulated message centre is told to behave: the options of `kwek simulate` beside its ports.

All of it is `smpp.simulator_conduct.Conduct`, in the words that people type.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.commands.books import digits

if TYPE_CHECKING:
    from smpp.simulator_conduct import Conduct, Refusal

LONGEST_DELAY_S = 3600.0
"""A centre that takes an hour is as good as silent to every client."""

IdForm = Literal["same", "hex-answer", "hex-receipt"]
Outcome = Literal[
    "delivered", "undelivered", "expired", "rejected", "deleted", "unknown", "accepted", "enroute", "skipped"
]

Ids = Annotated[
    IdForm, typer.Option("--ids", help="How message ids are written: alike, or in hexadecimal on one side only.")
]
Told = Annotated[Outcome, typer.Option("--receipt", help="What receipts tell.")]
ReceiptDelay = Annotated[
    float,
    typer.Option(
        "--receipt-delay",
        min=-LONGEST_DELAY_S,
        max=LONGEST_DELAY_S,
        help="When a receipt leaves, in seconds after the answer; below 0: before it.",
    ),
]
AnswerDelay = Annotated[
    float,
    typer.Option("--answer-delay", min=0.0, max=LONGEST_DELAY_S, help="When a submit_sm is answered, in seconds."),
]
Refuse = Annotated[
    list[str] | None,
    typer.Option(
        "--refuse",
        metavar="STATUS[:TO[:TIMES]]",
        help="Refuse what is sent to numbers that begin with TO, TIMES times: "
        "0x58, ESME_RTHROTTLED:316 or RSUBMITFAIL::3. May be given several times; the first that fits decides.",
    ),
]
Hostile = Annotated[
    int | None,
    typer.Option("--hostile", metavar="SEED", min=0, help="Do everything at once that centres do on their worst days."),
]


def hostile(seed: int) -> Conduct:
    """The worst of days; the same again for the same seed."""
    import random

    from smpp.simulator_hostile import HostileConduct

    return HostileConduct(random.Random(seed).random)


def conduct_of(
    ids: IdForm, receipt: Outcome, receipt_delay_s: float, answer_delay_s: float, refuse: Sequence[str]
) -> Conduct:
    """The behaviour that the options ask for; delays in seconds. Raises typer.BadParameter for a wrong refusal."""
    from smpp import receipt as receipts
    from smpp.simulator_conduct import Conduct
    from smpp.simulator_conduct import Ids as Forms

    outcome = receipts.Receipt(stat=receipt).state
    assert outcome is not None  # each word of Outcome is a spelling that receipts use
    return Conduct(
        answer_delay_s=answer_delay_s,
        refusals=tuple(map(_refusal, refuse)),
        ids=Forms(ids),
        outcome=outcome,
        receipt_delay_s=receipt_delay_s,
    )


def _refusal(text: str) -> Refusal:
    from smpp.simulator_conduct import Refusal

    if text.count(":") > 2:
        raise _wrong(text, "it has more than three parts; write STATUS, STATUS:TO or STATUS:TO:TIMES")
    status, to, times = (*text.split(":"), "", "")[:3]
    if times and not re.fullmatch(r"0*[1-9][0-9]{0,8}", times):
        raise _wrong(text, f"{times!r} is no number of times; write 1 or more, or nothing for always")
    try:
        return Refusal(_status(status), digits(to) if to else "", times=int(times) if times else None)
    except typer.BadParameter as fault:
        raise _wrong(text, fault.message) from fault


def _status(name: str) -> int:
    """The number of a status given as 0x58, ESME_RTHROTTLED or RTHROTTLED, in any case."""
    from smpp.constants import STATUS_NAMES

    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", name):
        number: int | None = int(name, 16)
    else:
        wanted = "ESME_" + name.upper().removeprefix("ESME_")
        number = next((number for number, known in STATUS_NAMES.items() if known == wanted), None)
    if number is None:
        raise typer.BadParameter(f"{name!r} is no status; write 0x58, or a name such as ESME_RTHROTTLED")
    if not number:
        raise typer.BadParameter("status 0 (ESME_ROK) accepts; name an error")
    return number


def _wrong(text: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(f"{text!r}: {why}", param_hint="--refuse")
