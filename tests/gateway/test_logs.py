"""Log lines: one JSON object each, without numbers and texts."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leaves logging as other tests expect it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def out() -> io.StringIO:
    """Where the lines go."""
    stream = io.StringIO()
    logs.set_up(stream)
    return stream


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    """What was logged, without its time."""
    read = [json.loads(line) for line in out.getvalue().splitlines()]
    for line in read:
        assert line.pop("at").endswith("Z")
    return read


def test_a_line_is_a_json_object_with_time_and_level(out: io.StringIO) -> None:
    structlog.get_logger("kwek").info("bound", connector="carrier-a", links=2)
    assert lines(out) == [{"event": "bound", "level": "info", "connector": "carrier-a", "links": 2}]


def test_numbers_keep_their_last_three_digits(out: io.StringIO) -> None:
    structlog.get_logger().warning(
        "refused 31612345678", sender="31612345678", recipient=4411, phone="41", address=None
    )
    assert lines(out) == [
        {
            "event": "refused ********678",
            "level": "warning",
            "sender": "********678",
            "recipient": "*411",
            "phone": "***",
            "address": None,
        }
    ]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("0612345678 called", "*******678 called"),
        ("+31 6 1234 5678 called", "************678 called"),
        ("+1 (212) 555-0100!", "**************100!"),
        ("on 2026-11-22 from 127.0.0.1:40112", "on 2026-11-22 from 127.0.0.1:40112"),
        ("4411 and 123456", "4411 and 123456"),
        ("two: 31612345678, 31687654321", "two: ********678, ********321"),
    ],
)
def test_runs_of_digits_in_sentences(text: str, masked: str) -> None:
    assert logs.masked_text(text) == masked


def test_texts_are_left_out_whatever_they_are(out: io.StringIO) -> None:
    structlog.get_logger().error("odd", text="my secret", octets=b"\x00\x01", captured={"x": "y"}, rest=None, body=7)
    assert lines(out) == [
        {
            "event": "odd",
            "level": "error",
            "text": "(9 left out)",
            "octets": "(2 left out)",
            "captured": "(1 left out)",
            "rest": None,
            "body": "(left out)",
        }
    ]


def test_what_is_nested_is_masked_too_and_not_for_ever(out: io.StringIO) -> None:
    deep: list[Any] = []
    deep.append(deep)
    held = {"phone": "31612345678", 7: ["+31612345678", True, 1.5, b"ab"], "sender": [1]}
    structlog.get_logger().info("x", held=held, deep=deep, raised=ValueError("31612345678"))
    (line,) = lines(out)
    assert line["held"] == {
        "phone": "********678",
        "7": ["*********678", True, 1.5, "(2 left out)"],
        "sender": "(1 left out)",
    }
    assert line["deep"] == [[[["(1 left out)"]]]]
    assert line["raised"] == "********678"


def test_hashes_and_paths_stay(out: io.StringIO) -> None:
    structlog.get_logger().info("loaded", deployment="a1234567890b", file="/srv/31612345678.rules", id=123456789012)
    assert lines(out) == [
        {
            "event": "loaded",
            "level": "info",
            "deployment": "a1234567890b",
            "file": "/srv/31612345678.rules",
            "id": 123456789012,
        }
    ]


def test_a_fault_is_logged_with_its_traceback_masked(out: io.StringIO) -> None:
    try:
        raise ValueError("no such phone: 31612345678")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(out)
    assert line["exception"].endswith("ValueError: no such phone: ********678")


def test_lines_of_libraries_go_the_same_way_and_the_talkative_are_quiet(out: io.StringIO) -> None:
    logging.getLogger("somebody").info("hello %s", "31612345678")
    logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl.")
    logging.getLogger("aiohttp.server").error("broken")
    assert lines(out) == [
        {"event": "hello ********678", "logger": "somebody", "level": "info"},
        {"event": "broken", "logger": "aiohttp.server", "level": "error"},
    ]


def test_a_person_at_a_terminal_gets_plain_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    logs.set_up(stream)
    structlog.get_logger().info("bound", sender="31612345678")
    assert "bound" in stream.getvalue()
    assert "********678" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_what_is_below_the_level_is_not_logged(out: io.StringIO) -> None:
    structlog.get_logger().debug("nothing to see")
    logging.getLogger("somebody").debug("nothing either")
    assert lines(out) == []
