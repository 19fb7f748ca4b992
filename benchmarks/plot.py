"""The plot: messages a second of each contender at each size, a panel for each backend, as SVG. Pure functions."""

from __future__ import annotations

import math
from typing import Dict, List, Mapping, Sequence
from xml.sax.saxutils import escape

from report import Row, Rows

WIDTH, PANEL, LEFT, TOP, BOTTOM, LEGEND = 1000, 300, 70, 40, 40, 190
# Those of one kind have shades of one colour: C grey, sctpffi blue, its asyncio green, others warm, PyPy violet.
COLOURS: Dict[str, str] = {
    "c": "#555555",
    "c-mmsg": "#999999",
    "one": "#08519c",
    "into": "#3182bd",
    "bulk": "#6baed6",
    "views": "#9ecae1",
    "aio": "#238b45",
    "aio-bulk": "#74c476",
    "socket": "#d94801",
    "pysctp": "#fd8d3c",
    "tcp": "#fdbe85",
    "udp": "#fdd0a2",
    "pypy-one": "#54278f",
    "pypy-bulk": "#807dba",
    "pypy-aio": "#bcbddc",
}


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


class Scale:
    """A logarithmic axis from the power of ten below the least to the one above the most."""

    def __init__(self, values: Sequence[float], top: float, height: float) -> None:
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self._top, self._height = top, height

    def y(self, value: float) -> float:
        """Where a value is."""
        return self._top + self._height * (self.high - math.log10(value)) / (self.high - self.low)


def _bars(found: Sequence[Row], scale: Scale, left: float, width: float, bottom: float) -> List[str]:
    """The bars of one size, with a whisker from the least to the most."""
    step = width / (len(found) + 1)
    parts = []
    for place, row in enumerate(found):
        stat = row.stats["rate"]
        x, y = left + step * (place + 0.5), scale.y(stat.median)
        colour = COLOURS.get(row.contender, "#000000")
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.85:.1f}" height="{bottom - y:.1f}" fill="{colour}">'
            f"<title>{escape(row.contender)}: {stat.median:,.0f} messages/s</title></rect>"
        )
        middle = x + step * 0.425
        parts.append(_line(middle, scale.y(stat.high), middle, scale.y(max(stat.low, 10**scale.low)), "#000000"))
    return parts


def _panel(title: str, sizes: Mapping[int, Sequence[Row]], top: float) -> List[str]:
    bottom = top + PANEL - TOP - BOTTOM
    width = WIDTH - LEFT - LEGEND
    stats = [row.stats["rate"] for rows in sizes.values() for row in rows]
    scale = Scale([each.median for each in stats] + [each.high for each in stats], top, bottom - top)
    parts = [_text(LEFT, top - 12, title, size=15)]
    for power in range(scale.low, scale.high + 1):
        parts.append(_line(LEFT, scale.y(10**power), LEFT + width, scale.y(10**power), "#dddddd"))
        parts.append(_text(LEFT - 6, scale.y(10**power) + 4, f"{10**power:,}", "end"))
    each = width / len(sizes)
    for place, (size, rows) in enumerate(sizes.items()):
        parts += _bars(rows, scale, LEFT + place * each, each, bottom)
        parts.append(_text(LEFT + (place + 0.5) * each, bottom + 18, f"{size:,} bytes", "middle"))
    names = dict.fromkeys(row.contender for rows in sizes.values() for row in rows)
    for place, name in enumerate(names):
        y = top + 15 * place
        parts.append(f'<rect x="{WIDTH - LEGEND + 15}" y="{y:.1f}" width="10" height="10" fill="{COLOURS.get(name)}"/>')
        parts.append(_text(WIDTH - LEGEND + 30, y + 9, name))
    return parts


def svg(rows: Rows) -> str:
    """The whole picture; of backends without a rate there is no panel."""
    parts: List[str] = []
    panels = 0
    for backend in rows.backends:
        sizes: Dict[int, List[Row]] = {}
        for row in rows.of(backend, "messages"):
            if row.value("rate"):
                sizes.setdefault(row.size, []).append(row)
        if sizes:
            parts += _panel(f"{backend}: messages a second, one association", sizes, panels * PANEL + TOP)
            panels += 1
    height = max(panels, 1) * PANEL
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"
