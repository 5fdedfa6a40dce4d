"""How numbers and values are written in a report."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

# Not from the locale: the same run gives the same page on every machine.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def count(value: float) -> str:
    """A count with its thousands apart.

    >>> count(15470264320)
    '15,470,264,320'
    """
    return f"{value:,.0f}"


def metric(value: float | None) -> str:
    """A loss or an accuracy: four decimals, or four digits where that would show too few.

    >>> metric(0.97), metric(0.00001234), metric(1234.5), metric(None)
    ('0.9700', '1.234e-05', '1234', 'none')
    """
    if value is None:
        return "none"
    if value == 0 or not math.isfinite(value) or 0.01 <= abs(value) < 10:
        return f"{value:.4f}"
    return f"{value:.4g}"


def seconds(value: float) -> str:
    """A time as one says it.

    >>> seconds(0.0123), seconds(2.345), seconds(12.34), seconds(83.2), seconds(7384)
    ('12 ms', '2.35 s', '12.3 s', '1 min 23 s', '2 h 03 min')
    """
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 59.95:
        return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    whole = round(value / 60)
    return f"{whole // 60} h {whole % 60:02d} min"


def moment(text: str) -> str:
    """An ISO time as one reads it; as it is where it is none.

    >>> moment("2026-03-07T19:58:12+00:00"), moment("2026-03-07T09:05:00"), moment("noon")
    ('7 March 2026, 19:58 UTC', '7 March 2026, 09:05', 'noon')
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = f" {time.tzname()}" if time.tzinfo else ""
    return f"{time.day} {MONTHS[time.month - 1]} {time.year}, {time:%H:%M}{zone}"


def memory(value: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point.

    >>> memory(280), memory(1_607_680), memory(553_430_176)
    ('280 B', '1.5 MiB', '527.8 MiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1024
    return ""


def setting(value: Any) -> str:
    """A value of a setting, as JSON brought it back.

    >>> setting(True), setting(None), setting([512, 256]), setting(0.001)
    ('yes', 'none', '512, 256', '0.001')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == [] or value == "":
        return "none"
    if isinstance(value, list):
        return ", ".join(setting(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {setting(item)}" for key, item in value.items())
    return str(value)


def measured(value: Any) -> str:
    """A number of a chapter: counts whole, what was measured with four digits, texts as they are.

    >>> measured(1000), measured(0.8641975), measured(1e-12), measured(-6.0), measured([1.0, 2.5])
    ('1,000', '0.8642', '1e-12', '-6', '1, 2.5')
    >>> measured("AND"), measured(True), measured(None)
    ('AND', 'yes', '')
    """
    if value is None or isinstance(value, bool | str):
        return "" if value is None else setting(value) if isinstance(value, bool) else value
    if isinstance(value, list):
        return ", ".join(measured(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {measured(item)}" for key, item in value.items())
    return count(value) if isinstance(value, int) else f"{value:.4g}"
