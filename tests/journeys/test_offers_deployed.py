"""Vouchers of a rule set that is changed while the gateway runs are there before its first text names one."""

from pathlib import Path

from tests.support.station import station

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

{declared}
keyword CODE
    reply "{said}"

fallback
    reply "Dat begrijpen we niet."
"""
BEFORE = RULES.format(declared="", said="Nog niets.")
AFTER = RULES.format(declared='voucher pot from "codes.csv"\n', said="Uw code: {voucher pot}")


async def test_a_pool_that_comes_with_a_new_rule_set_is_loaded_before_it_rules(tmp_path: Path) -> None:
    async with station(tmp_path, BEFORE) as one:
        assert await one.ask("CODE", "31612345678") == "Nog niets."
        (one.rules / "codes.csv").write_text("TAART-1\nTAART-2\n")
        (one.rules / "0.rules").write_text(AFTER)
        await one.until("SELECT count(*) FROM deployments", [(2,)])
        assert await one.ask("CODE", "31612345678") in ("Uw code: TAART-1", "Uw code: TAART-2")
