"""Every change of clocks in the tz database, found by zoneinfo alone: what time arithmetic is checked against."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True)
class Change:
    """Clocks in `zone` are put from offset `before` to offset `after` (minutes) at the instant `at` (microseconds)."""

    zone: str
    at: int
    before: int
    after: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """What makes one change like another: from which minute of the day to which, and on which weekday."""
        old = datetime_at(self.at) + timedelta(minutes=self.before)
        return old.hour * 60 + old.minute, self.after - self.before, old.weekday()


def datetime_at(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def shown(at: int, zone: str) -> datetime:
    """What a clock shows, by zoneinfo."""
    return datetime_at(at).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def all_zones() -> list[str]:
    return sorted(available_timezones())


@cache
def changes_of(zone: str) -> tuple[Change, ...]:
    """The changes of 2020 to 2037: offsets looked at every four days (Ramadan is the shortest season that clocks keep),
    then halved down to the second."""
    info, found = ZoneInfo(zone), list[Change]()

    def ahead(second: int) -> int:
        offset = datetime.fromtimestamp(second, info).utcoffset()
        assert offset is not None
        minutes, rest = divmod(int(offset.total_seconds()), 60)
        assert rest == 0, f"{zone} has seconds in its offset"
        return minutes

    step, second, end = 96 * 3600, int(FIRST.timestamp()), int(LAST.timestamp())
    known = ahead(second)
    for later in range(second + step, end + step, step):
        offset = ahead(later)
        if offset != known:
            low, high = later - step, later
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if ahead(middle) == known else (low, middle)
            found.append(Change(zone, high * 1_000_000, known, offset))
            known = offset
    return tuple(found)


def distinct(zones: Iterable[str]) -> dict[str, tuple[Change, ...]]:
    """One zone for each set of rules that differ in those years, and its changes."""
    rules: dict[object, str] = {}
    for zone in zones:
        offset = FIRST.astimezone(ZoneInfo(zone)).utcoffset()
        rules.setdefault((offset, tuple((change.at, change.after) for change in changes_of(zone))), zone)
    return {zone: changes_of(zone) for zone in rules.values()}
