"""The commented kwek.toml is printed from the declarations, works as it stands, and shows every setting."""

import re
from pathlib import Path

from config import reference
from config.declare import list_entry, settings_of, table_class
from config.load import parse
from config.settings import Settings

ENVIRON = {"CARRIER_A_PASSWORD": "x", "ZAMMAD_TOKEN": "y"}
EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/kwek.toml"


def test_the_example_is_what_is_printed() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == reference.text(), "stale: run `make reference`"


def test_the_example_works_as_it_stands() -> None:
    loaded = parse(reference.text(), ENVIRON)
    assert loaded.problems == ()
    assert loaded.settings is not None
    assert [number.via for number in loaded.settings.numbers] == ["carrier-a"]


def test_with_every_comment_taken_away_only_what_waits_is_told() -> None:
    line = re.compile(r"^# (?=[a-z_]+ = |\[)", re.MULTILINE)
    loaded = parse(line.sub("", reference.text()), ENVIRON)
    assert [problem.message for problem in loaded.problems] == [
        "[smpp_server] is understood, but nothing in this version uses it",
        "[[account]] is understood, but nothing in this version uses it",
        "[[desk]] is understood, but nothing in this version uses it",
    ]
    assert loaded.settings is not None
    assert loaded.settings.limits == Settings().limits


def test_every_declared_setting_is_shown_once_in_its_table() -> None:
    text = reference.text()
    for table in settings_of(Settings):
        keys = {one.key for one in settings_of(table_class(list_entry(table.kind) or table.kind))}
        section = re.search(
            rf"^(?:# )?\[\[?{table.key}\]\]?$(.*?)(?=^(?:# )?\[\[?\w+\]|\Z)", text, re.MULTILINE | re.DOTALL
        )
        assert section is not None
        shown = re.findall(r"^(?:# )?(?:([a-z_]+) = |\[\w+\.(\w+)\])", section[1], re.MULTILINE)
        assert keys <= {one or other for one, other in shown}


def test_every_meaning_is_a_sentence_and_every_number_has_bounds() -> None:
    for table in settings_of(Settings):
        for one in settings_of(table_class(list_entry(table.kind) or table.kind)):
            assert one.meaning.endswith("."), one.key
            assert one.kind not in {int, float} or one.bounds.least is not None, one.key
            assert one.kind is not float or one.bounds.most is not None, one.key
