"""How one value of each kind is read: from what TOML gave to what the gateway is handed.

Every reader raises `Unfit` for a value that does not fit. Environment and folder are arguments: a secret is looked up
at once, so that a missing one is told at the start and not when the first bind needs it.
"""

from __future__ import annotations

import datetime
import math
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from config.declare import Bounds, Setting, written
from config.problems import Unfit, did_you_mean, quoted
from config.settings import Country, Digits, Mailbox, Network, PasswordHash, Prefix, RedisUrl, Web, Zone
from config.values import (
    Address,
    Host,
    Money,
    Refusal,
    Refusals,
    Secret,
    Store,
    TonNpi,
    has_password,
    parse_digits,
    parse_host,
    parse_mailbox,
    parse_network,
    parse_prefix,
    parse_web,
    parse_zone,
)

MOST_SECRET_OCTETS = 65_536  # a key file with its chain fits; a log file named by mistake does not fill the memory


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file's values lean on: the folder that paths are relative to, and the environment that secrets come from.

    `warnings` gathers what hinders nothing but should be known.
    """

    folder: Path
    environ: Mapping[str, str]
    warnings: list[str] = field(default_factory=list)


def name_of(value: object) -> str:
    """What sort of TOML value this is, in words."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case list():
            return "a list"
        case datetime.date() | datetime.time():
            return "a date or time"
        case _:
            return "a table"


def read_value(setting: Setting, kind: Any, value: object, around: Surroundings) -> object:
    """One value of that kind; raises Unfit."""
    if get_origin(kind) is Literal:
        return _choice(get_args(kind), value, setting)
    if kind is bool:
        return _of_type(bool, value, setting)
    if kind is int:
        return _within(_of_type(int, value, setting), setting.bounds)
    if kind is float:
        number = value if type(value) is int else _of_type(float, value, setting)
        if type(number) is float and not math.isfinite(number):
            raise Unfit("{it} must be a finite number", f"for example: {setting.example}")
        return float(_within(number, setting.bounds))
    if kind is Refusals:
        return _refusals(value, setting)
    text = _of_type(str, value, setting)
    if kind is str:
        return _of_length(text, setting.bounds)
    return TEXTS[kind](text, setting, around)


def _of_type(kind: type[Any], value: object, setting: Setting) -> Any:
    """The value if it is of that very type (true is no number here)."""
    if type(value) is kind:
        return value
    raise Unfit(f"{{it}} must be {name_of(kind())}, not {name_of(value)}", f"for example: {setting.example}")


def _within(number: float, bounds: Bounds) -> float:
    """The number if it keeps its bounds."""
    low = bounds.least is not None and number < bounds.least
    high = bounds.most is not None and number > bounds.most
    if not low and not high:
        return number
    if bounds.most is None:
        raise Unfit(f"{{it}} must be at least {bounds.least}, not {number}")
    raise Unfit(f"{{it}} must be from {bounds.least} to {bounds.most}, not {number}")


def _of_length(text: str, bounds: Bounds) -> str:
    """The text if it is neither empty where it may not be, nor too long."""
    if len(text) < (bounds.least or 0):
        raise Unfit("{it} must not be empty")
    if bounds.most is not None and len(text) > bounds.most:
        raise Unfit(f"{{it}} may have {bounds.most} characters at most, not {len(text)}")
    return text


def _choice(choices: tuple[object, ...], value: object, setting: Setting) -> object:
    """The value if it is one of the choices."""
    if any(type(value) is type(one) and value == one for one in choices):
        return value
    shown = [written(one, setting.unit) for one in choices]
    listed = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
    said = written(value, setting.unit) if type(value) in {str, int} else name_of(value)
    near = did_you_mean(value, [one for one in choices if isinstance(one, str)]) if isinstance(value, str) else ""
    raise Unfit(f"{{it}} must be {listed}, not {said}", near)


def _resolve(reference: str, around: Surroundings) -> str:
    """The secret that `env:NAME` or `file:PATH` names; raises Unfit."""
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise Unfit("{it} must name a variable of the environment after env:", 'for example "env:CARRIER_PASSWORD"')
        if name not in around.environ:
            raise Unfit(
                f"{{it}} names the variable {name}, which is not set", f"set it where kwek starts: export {name}=…"
            )
        secret = around.environ[name]
    else:
        secret = _secret_file(around.folder / name, around)
    if not secret:
        raise Unfit(f"{{it}} names {reference}, which is empty")
    return secret


def _secret_file(path: Path, around: Surroundings) -> str:
    """What the file holds, without the line end that editors add; warns when others can read it."""
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            octets = file.read(MOST_SECRET_OCTETS + 1)
        secret = octets.decode("utf-8")
    except OSError as fault:
        raise Unfit(f"{{it}} names the file {path}, which cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise Unfit(f"{{it}} names the file {path}, which is not a text in UTF-8") from None
    if len(octets) > MOST_SECRET_OCTETS:
        raise Unfit(f"{{it}} names the file {path}, which is too long for a secret")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        around.warnings.append(f"the file {path} holds a secret, and others may read it: chmod 600 {path}")
    return secret.removesuffix("\n").removesuffix("\r")


def _is_reference(text: str) -> bool:
    return text.startswith(("env:", "file:"))


def _literal(setting: Setting) -> Unfit:
    """The fault of a secret that stands in the file; it does not repeat the secret."""
    variable = f"KWEK_{setting.key.upper()}"
    return Unfit(
        "{it} holds the secret itself, which may not stand in this file",
        f'put it into the environment and write {setting.key} = "env:{variable}", or into a file: "file:PATH"',
    )


def _secret(text: str, setting: Setting, around: Surroundings) -> Secret:
    if not text:
        return Secret("")
    if not _is_reference(text):
        raise _literal(setting)
    return Secret(_resolve(text, around), text)


def _store(text: str, setting: Setting, around: Surroundings) -> Store:
    if _is_reference(text):
        return anchored(Store.parse(_resolve(text, around), shown=text), around.folder)
    if has_password(text):
        raise _literal(setting)
    return anchored(Store.parse(text), around.folder)


def anchored(store: Store, folder: Path) -> Store:
    """The store with a SQLite file's path made absolute, so that it does not hang on where kwek was started."""
    if store.kind != "sqlite":
        return store
    path = folder.absolute() / store.url.removeprefix("sqlite:///")
    return replace(store, url=f"sqlite:///{path}")


def _redis(text: str, setting: Setting, around: Surroundings) -> RedisUrl:
    url = _resolve(text, around) if _is_reference(text) else text
    if url == text and has_password(text):
        raise _literal(setting)
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise Unfit("{it} must begin with redis://, rediss:// or unix://", 'for example "redis://127.0.0.1:6379"')
    return RedisUrl(url)


def _country(text: str, _setting: Setting, _around: Surroundings) -> Country:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise Unfit(f"{{it}} must be two capital letters, not {quoted(text)}", 'for example "NL"')
    return Country(text)


def _password_hash(text: str, _setting: Setting, _around: Surroundings) -> PasswordHash:
    if not text.startswith("$argon2id$"):
        raise Unfit(
            "{it} must be an argon2id hash, which begins with $argon2id$; a password may not stand in this file"
        )
    return PasswordHash(text)


TEXTS: dict[Any, Callable[[str, Setting, Surroundings], object]] = {
    Address: lambda text, _setting, _around: Address.parse(text),
    Country: _country,
    Digits: lambda text, _setting, _around: Digits(parse_digits(text)),
    Host: lambda text, setting, _around: Host(parse_host(_of_length(text, setting.bounds))),
    Mailbox: lambda text, _setting, _around: Mailbox(parse_mailbox(text)),
    Money: lambda text, _setting, _around: Money.parse(text),
    Network: lambda text, _setting, _around: Network(parse_network(text)),
    PasswordHash: _password_hash,
    Prefix: lambda text, _setting, _around: Prefix(parse_prefix(text)),
    Path: lambda text, _setting, around: around.folder.absolute() / text,
    RedisUrl: _redis,
    Secret: _secret,
    Store: _store,
    TonNpi: lambda text, _setting, _around: TonNpi.parse(text),
    Web: lambda text, _setting, _around: Web(parse_web(text)),
    Zone: lambda text, _setting, _around: Zone(parse_zone(text)),
}


def _refusals(value: object, setting: Setting) -> Refusals:
    """The retry table: command_status (as 0x0400 or 1024) to what follows."""
    outcomes: dict[int, Refusal] = {}
    for key, outcome in _of_type(dict, value, setting).items():
        if not re.fullmatch(r"0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,10}", key):
            raise Unfit(f"{{it}} has {quoted(key)}, which is no command_status", "for example 0x0400 or 1024")
        choice: Any = _choice(get_args(Refusal), outcome, replace(setting, key=key))
        outcomes[int(key, 16) if key[:2].lower() == "0x" else int(key)] = choice
    return Refusals(tuple(outcomes.items()))
