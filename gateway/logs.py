"""Log lines: one JSON object each, coloured text where a person looks on; never a phone's number, never a text.

Nothing logs per message: the rows are the record of messages, the metrics their count. Whatever is logged passes one
mask: values that are numbers of phones keep their last three digits, so do runs of digits long enough to be one, and
what a phone sent or got is left out. Libraries' own lines go the same way.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence, Sized
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

KEPT_DIGITS = 3
"""Last digits of a number that stay: enough to tell two phones of one case apart, too few to call one."""
LEAST_DIGITS = 7
"""A run of so many digits may be a subscriber's number; short codes, ports and counts are shorter."""
DEEPEST = 4
"""Lists and mappings inside each other that are still looked through; deeper ones are left out."""

NUMBERS = frozenset({"sender", "recipient", "address", "msisdn", "phone", "source_addr", "destination_addr", "contact"})
"""Keys whose value is a number whatever its length."""
TEXTS = frozenset({"text", "texts", "body", "octets", "short_message", "message_payload", "frame", "captured", "rest"})
"""Keys whose value may be what a phone sent or got."""
PLAIN = frozenset({"deployment", "file", "version", "level", "logger"})
"""Keys whose value holds no number, and would be spoilt by the mask: hashes and paths."""

# After a plus, blanks, dashes and brackets do not end the run; elsewhere they do, or dates would be starred.
_RUN = re.compile(rf"\+\(?\d(?:[ \-()]*\d){{{LEAST_DIGITS - 1},}}|\d{{{LEAST_DIGITS},}}")
_QUIET = ("aiohttp", "asyncio", "alembic", "sqlalchemy")


def set_up(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Sends all log lines of this process to the stream (standard error), as JSON unless it is a terminal."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        mask,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    last: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if out.isatty():
        last = structlog.dev.ConsoleRenderer(timestamp_key="at", exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def mask(_: Any, __: str, event: EventDict) -> EventDict:
    """The processor that keeps numbers and texts out of the log."""
    return {key: _masked(key, value, DEEPEST) for key, value in event.items()}


def masked_number(number: str) -> str:
    """A number with all but its last digits starred; short ones wholly."""
    return "*" * max(0, len(number) - KEPT_DIGITS) + number[-KEPT_DIGITS:] if len(number) > KEPT_DIGITS else "***"


def masked_text(text: str) -> str:
    """A text with every run of digits starred that may be a phone's number."""
    return _RUN.sub(lambda run: masked_number(run[0]), text)


def _masked(key: str, value: Any, deep: int) -> Any:
    if key.startswith("_") or key in PLAIN or value is None or isinstance(value, bool):
        return value
    if key in TEXTS:
        return _left_out(value)
    if key in NUMBERS:
        return masked_number(str(value)) if isinstance(value, str | int) else _left_out(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) or not isinstance(value, bytes | Mapping | Sequence):
        return masked_text(str(value))
    if isinstance(value, bytes) or not deep:
        return _left_out(value)
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), held, deep - 1) for inner, held in value.items()}
    return [_masked(key, held, deep - 1) for held in value]


def _left_out(value: Any) -> str:
    return f"({len(value)} left out)" if isinstance(value, Sized) else "(left out)"
