"""The values that flow through rules: what a phone wrote, read as the kind its slot or attribute asks for."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

Value = str | int | Decimal | date | time
