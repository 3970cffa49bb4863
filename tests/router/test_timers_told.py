"""What starts by the clock, by joining and by failing, in conversations as authors write them."""

import pytest

from router.transcript import run_tests
from tests.support.phones import brand
from tests.support.timed import BIRTHDAY, DATE, INACTIVE, JOIN, PLAIN, UNDELIVERED

TESTS = {
    "29 February has its birthday on the 28th in common years": (
        PLAIN + BIRTHDAY,
        """    given consent promotional
    > JARIG 29-02-1980
    < Genoteerd
    later 53 days
    nothing
    later 1 day
    < Gefeliciteerd
    later 364 days
    nothing
    later 1 day
    < Gefeliciteerd
    later 729 days
    < Gefeliciteerd
    later 1 day
    nothing
    later 1 day
    < Gefeliciteerd""",
    ),
    "a birthday that is known beforehand": (
        PLAIN + BIRTHDAY,
        """    given consent promotional
    given contact geboren = 1990-01-06
    later 1 day
    < Gefeliciteerd
    > JARIG 08-01-1990
    < Genoteerd
    later 20 days
    nothing""",
    ),
    "without consent nobody is congratulated, and it is on record": (
        PLAIN + BIRTHDAY,
        """    > JARIG 06-01-1990
    < Genoteerd
    later 1 day
    withheld no_consent(promotional)
    check wens = "ja\"""",
    ),
    "inactive comes once until he is active again": (
        PLAIN + INACTIVE,
        """    given consent promotional
    > HOI
    < Hoi
    later 20 days
    nothing
    event koop
    nothing
    later 29 days
    nothing
    later 1 day
    < We missen je
    later 90 days
    nothing
    > HOI
    < Hoi
    later 29 days
    nothing
    later 1 day
    < We missen je""",
    ),
    "who stays silent from the first": (
        PLAIN + INACTIVE, "    given consent promotional\n    later 30 days\n    < We missen je"
    ),
    "STOP keeps the timers, and the text is withheld": (
        PLAIN + INACTIVE,
        "    given consent promotional\n    > STOP\n    < *\n    later 30 days\n    withheld opted_out",
    ),
    "a date for a segment, for who is in it then": (
        PLAIN + DATE,
        """    given consent promotional
    > HOI
    < Hoi
    later 54 days
    nothing
    > JOIN
    < Welkom
    later 2 days
    < Maart
    later 400 days
    nothing""",
    ),
    "a date for a segment, and nobody else": (
        PLAIN + DATE, "    given consent promotional\n    > HOI\n    < Hoi\n    later 60 days\n    nothing"
    ),
    "joining by a tag, by events and by a consent": (
        PLAIN + JOIN,
        """    > JOIN
    < Welkom
    withheld no_consent(promotional)
    > AKKOORD
    < Fijn
    < Vriend
    event koop
    nothing
    event koop
    < Koper
    event koop
    nothing
    > JOIN
    < Welkom""",
    ),
    "a text that does not arrive": (
        PLAIN + UNDELIVERED,
        """    given consent promotional
    given consent transactional
    > HOI
    < Hoi
    receipt undelivered
    < Nogmaals
    check mis = "ja"
    receipt undelivered
    nothing
    later 1 day
    < Nazorg
    receipt undelivered
    nothing
    > LANG
    < *
    receipt expired
    < Nogmaals
    > HOI
    < Hoi
    receipt delivered
    nothing""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", TESTS)
def test_in_a_conversation(title: str) -> None:
    rules, lines = TESTS[title]
    (result,) = run_tests([brand(f'{rules}test "{title}"\n{lines}')], None)
    assert result.failure is None, result.failure
