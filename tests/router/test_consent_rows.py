"""A file of consents: four encodings, three separators, and a reason for each row that is not taken."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from router.consent_rows import OUTCOMES, Consent, Reading, Refused, Unusable, encoding_of, rows_of
from router.instants import SECOND
from tests.support.routing import NOW

HEAD = "msisdn,at,wording,method,evidence"
ROW = "0612345678,2025-03-01T10:00:00+01:00,Ja ik wil tips,web,https://forms.example/1"
AMSTERDAM = Reading(
    "NL", ZoneInfo("Europe/Amsterdam"), "nl", {"naam": "text", "punten": "number", "jarig": "date"}, NOW
)


def read(text: str, encoding: str = "utf-8") -> list[Consent | Refused]:
    return list(rows_of(text.encode(encoding), AMSTERDAM))


def only(row: str, head: str = HEAD) -> Consent | Refused:
    (one,) = read(f"{head}\n{row}\n")
    return one


def test_a_row_with_its_proof() -> None:
    assert only(ROW) == Consent(
        2, "31612345678", int(datetime(2025, 3, 1, 9, tzinfo=UTC).timestamp()) * SECOND, "Ja ik wil tips", "web",
        "https://forms.example/1",
    )  # fmt: skip


def test_programme_language_and_attributes() -> None:
    head = f"{HEAD},Programme,language,contact.naam,contact.punten,contact.jarig"
    one = only(ROW + ',TIPS,nl-BE,"Jansen, Jan","1.250,50",24-12-1980', head)
    assert isinstance(one, Consent)
    assert (one.programme, one.language) == ("TIPS", "nl-BE")
    assert one.attributes == {"naam": "Jansen, Jan", "punten": Decimal("1250.50"), "jarig": one.attributes["jarig"]}
    assert str(one.attributes["jarig"]) == "1980-12-24"
    empty = only(ROW + ",,,,,", head)
    assert isinstance(empty, Consent)
    assert empty.attributes == {}


ACCENTED = f"{HEAD},contact.naam\n{ROW},Renée Çelik €\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"], ids=lambda one: one
)
def test_encodings_are_told_apart(encoding: str) -> None:
    (one,) = read(ACCENTED, encoding)
    assert isinstance(one, Consent)
    assert one.attributes == {"naam": "Renée Çelik €"}


def test_a_few_bad_octets_spoil_their_rows_and_not_the_file() -> None:
    octets = (ACCENTED + f"{ROW},André\n").encode() + f"{ROW},Ren".encode() + b"\xe9\n"
    assert encoding_of(octets) == "utf-8"
    good, other, bad = rows_of(octets, AMSTERDAM)
    assert isinstance(good, Consent) and isinstance(other, Consent)
    assert isinstance(bad, Refused) and bad.outcome == "unreadable" and bad.line == 4


def test_a_long_file_is_looked_at_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.consent_rows.PIECE", 3)  # so that characters lie across two of them
    assert [encoding_of(ACCENTED.encode(one)) for one in ("utf-8", "cp1252")] == ["utf-8", "cp1252"]
    assert encoding_of(ACCENTED.encode() + b"\xe9\n") == "utf-8"
    assert encoding_of(ACCENTED.encode() + "é".encode()[:1]) == "utf-8"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_told_apart(separator: str) -> None:
    (one,) = read((HEAD + "\r\n" + ROW + "\r\n").replace(",", separator))
    assert isinstance(one, Consent)


@pytest.mark.parametrize(
    ("row", "outcome", "why"),
    [
        ("061234567,2025-03-01,x,web,y", "not a number", "no phone"),
        ("+49,2025-03-01,x,web,y", "not a number", "no phone"),
        ("jan,2025-03-01,x,web,y", "not a number", "no phone"),
        ("0612345678,2025-03-01,x,web,", "no proof", "evidence must be told"),
        ("0612345678,,,,", "no proof", "at and wording and method and evidence must be told"),
        (
            "0612345678,2025-03-01,x,gossip,y",
            "no proof",
            "the method is none of agent, api, keyword, paper, voice, web",
        ),
        ("0612345678,2025-03-01,x,import,y", "no proof", "the method is none of"),
        ("0612345678,yesterday,x,web,y", "unreadable", "no date or time"),
        ("0612345678,0001-01-01T00:00:00+23:59,x,web,y", "unreadable", "no date or time"),
        ("0612345678,2026-01-05T12:00:01+00:00,x,web,y", "in the future", "after the import"),
        ("0612345678,2025-03-01,x,web", "unreadable", "4 cells, and the head 5"),
        ("0612345678,2025-03-01,x\0,web,y", "unreadable", "none in the file's encoding"),
        ("0612345678,2025-03-01," + "x" * 10_001 + ",web,y", "unreadable", "more than 10000"),
        ('0612345678,2025-03-01,"' + "x" * 140_000 + '",web,y', "unreadable", "no row of such a file"),
    ],
)
def test_what_is_refused_and_why(row: str, outcome: str, why: str) -> None:
    found = read(f"{HEAD}\n{row}\n")
    assert isinstance(found[0], Refused)
    assert found[0].outcome == outcome
    assert why in found[0].why
    assert outcome in OUTCOMES
    assert "612345678" not in found[0].why


@pytest.mark.parametrize(
    ("cells", "why"),
    [(",,klingon!,", "language is no code"), (",,nl,veel", "contact.punten is no number")],
)
def test_columns_that_may_be_left_out_must_fit_all_the_same(cells: str, why: str) -> None:
    found = only(ROW + cells, f"{HEAD},programme,language,contact.punten")
    assert isinstance(found, Refused)
    assert (found.outcome, why in found.why) == ("unreadable", True)


def test_a_time_without_a_zone_is_the_brands() -> None:
    winter, summer = (only(f"0612345678,{day},x,paper,y") for day in ("2025-01-01", "2025-07-01T12:00"))
    assert isinstance(winter, Consent) and isinstance(summer, Consent)
    assert winter.at == int(datetime(2024, 12, 31, 23, tzinfo=UTC).timestamp()) * SECOND
    assert summer.at == int(datetime(2025, 7, 1, 10, tzinfo=UTC).timestamp()) * SECOND


def test_lines_are_counted_over_cells_that_have_several() -> None:
    found = read(f'{HEAD}\n\n0612345678,2025-03-01,"two\nlines",web,y\n,,,,\n0612345679,nu,x,web,y\n')
    assert [one.line for one in found] == [3, 6]
    assert isinstance(found[0], Consent)
    assert found[0].wording == "two\nlines"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not name msisdn, at, wording, method, evidence"),
        ("\n\n", "does not name msisdn"),
        ("msisdn,at\n", "does not name wording, method, evidence"),
        (f"{HEAD},shoesize\n", "there is no column 'shoesize'"),
        (f"{HEAD},contact.schoenmaat\n", "declare no contact.schoenmaat"),
        (f"{HEAD},at\n", "named twice"),
        ("x" * 200_000, "its first line is none"),
    ],
)
def test_a_file_without_a_head_that_says_what_is_in_it_is_not_read(text: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        read(text)
