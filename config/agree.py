"""What must agree between the tables of one kwek.toml: names that are taken twice, and names that nobody has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config.locate import Keys
from config.problems import did_you_mean
from config.read import Reader
from config.values import Secret

_OF_A_GROUP = ("fence_s", "reads_late_s", "peer_response_s", "redelivery_s")
"""What the connectors of one group say of the carrier they share."""


def check_agreement(reader: Reader) -> None:
    """Notes every disagreement among the settings that fit; those that did not have been noted already."""
    _once(reader, "connector", "name", "connectors are called")
    _once(reader, "number", "number", "numbers are")
    _once(reader, "account", "system_id", "accounts are called")
    _once(reader, "desk", "name", "desks are called")
    _carried(reader)
    _priced(reader)
    _patient(reader)
    _like_minded(reader)
    _apart(reader)
    _signed(reader)


def _signed(reader: Reader) -> None:
    """Whoever has a mail server says from which address, and logs in with a password that is not heard on the way."""
    email = reader.good.get(("email",), {})
    if not email.get("host"):
        return
    place = reader.places.key(("email",))
    if email.get("sender") == "":
        reader.note(place, "[email] names a mail server and no sender", 'write sender = "noreply@…"')
    if not email.get("user"):
        return
    if email.get("password") == Secret(""):
        reader.note(place, "[email] names a user and no password", 'write password = "env:NAME" or "file:PATH"')
    if email.get("security") == "none":
        message = "user in [email] logs in over a connection that is not encrypted: the password can be heard"
        reader.note(reader.places.value(("email", "user")), message, 'write security = "starttls"', "warning")


def _entries(reader: Reader, table: str) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """The entries of a list of tables, in the file's order, each with the settings that fit."""
    return ((keys, good) for keys, good in reader.good.items() if len(keys) == 2 and keys[0] == table)


def _once(reader: Reader, table: str, key: str, are: str) -> None:
    """A name that marks out an entry is taken once."""
    first: dict[str, int] = {}
    for keys, good in _entries(reader, table):
        name = good.get(key)
        if name is None:
            continue
        place = reader.places.value((*keys, key))
        if name in first:
            reader.note(place, f"two {are} {name!r}; the first stands in line {first[name]}", "keep one of them")
        first.setdefault(name, place.line)


def _carried(reader: Reader) -> None:
    """Every number is carried by a connector that stands in the file."""
    known = [good["name"] for _, good in _entries(reader, "connector") if good.get("name")]
    for keys, good in _entries(reader, "number"):
        via = good.get("via")
        if via is None or via in known:
            continue
        others = (
            f"connectors here: {', '.join(known)}" if known else "there is no [[connector]] with a name in this file"
        )
        message = f"via in [[number]] names the connector {via!r}, which is not here"
        reader.note(reader.places.value((*keys, "via")), message, did_you_mean(via, known) or others)


def _priced(reader: Reader) -> None:
    """Every price is of a connector that stands in the file, and a connector's prefix has one."""
    known = [good["name"] for _, good in _entries(reader, "connector") if good.get("name")]
    first: dict[tuple[str, str], int] = {}
    for keys, good in _entries(reader, "price"):
        connector, prefix = good.get("connector"), good.get("prefix")
        if connector is None:
            continue
        if connector not in known:
            message = f"connector in [[price]] names {connector!r}, which is not here"
            others = f"connectors here: {', '.join(known)}" if known else "there is no [[connector]] in this file"
            reader.note(reader.places.value((*keys, "connector")), message, did_you_mean(connector, known) or others)
        if prefix is None:
            continue
        if (connector, prefix) in first:
            place = reader.places.key(keys)
            numbers = f"numbers that begin with {prefix}" if prefix else "all numbers"
            message = f"two prices of {connector!r} for {numbers}; the first stands in line {first[connector, prefix]}"
            reader.note(place, message, "keep one of them")
        first.setdefault((connector, prefix), reader.places.key(keys).line)


def _patient(reader: Reader) -> None:
    """The waits between two attempts to connect grow, they do not shrink."""
    for keys, good in _entries(reader, "connector"):
        for first, longest in (("reconnect_least_s", "reconnect_most_s"), ("refused_least_s", "refused_most_s")):
            least, most = good.get(first), good.get(longest)
            if least is not None and most is not None and least > most:
                message = f"{first} in [[connector]] is {least}, more than {longest}, which is {most}"
                reader.note(reader.places.value((*keys, first)), message)


def _like_minded(reader: Reader) -> None:
    """Connectors of one group say the same of their carrier: what proves a text read, and what a repeat is, is judged
    for the group as a whole."""
    first: dict[str, tuple[Keys, dict[str, Any]]] = {}
    for keys, good in _entries(reader, "connector"):
        group = good.get("group") or good.get("name")
        if group is None:
            continue
        before, said = first.setdefault(group, (keys, good))
        for key in _OF_A_GROUP:
            here, there = good.get(key), said.get(key)
            if here is None or there is None or here == there:
                continue
            line = reader.places.key(before).line
            message = f"{key} in [[connector]] is {here}, and {there} for another of the group {group!r} (line {line})"
            reader.note(reader.places.value((*keys, key)), message, "give both the same, or each a group of its own")


def _apart(reader: Reader) -> None:
    """HTTP and SMPP listen on ports of their own."""
    web = reader.good.get(("gateway",), {}).get("listen")
    smpp = reader.good.get(("smpp_server",), {}).get("listen")
    if web is not None and smpp is not None and web == smpp:
        message = f"[gateway] and [smpp_server] both listen on {smpp}"
        reader.note(reader.places.value(("smpp_server", "listen")), message, "give each its own port")
