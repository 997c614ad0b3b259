"""The trade-off as SVG 1.1, written by hand: what ordinary people bear against what is caught of the attacks."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from numseal.apps.simulate.measure import Figures

WIDTH, HEIGHT = 720, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 200, 50, 70
_STEPS = 5
_LEAST_FRICTION = 0.05


def plot(runs: Sequence[Figures]) -> str:
    """Return the plot, a point a run: x is the share of people not accepted at once, y the share of attacks caught."""
    widest = max([_LEAST_FRICTION, *(figures.friction * 1.15 for figures in runs)])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12" role="img">',
        "<title>Friction for ordinary people against attacks caught</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="28" font-size="15">What ordinary people bear, and what is caught</text>',
        *_axes(widest),
    ]
    placed: list[float] = []
    for figures in sorted(runs, key=lambda item: -item.caught):
        x, y = _x(figures.friction, widest), _y(figures.caught)
        label_y = max([y + 4, *(other + 15 for other in placed if abs(other - y - 4) < 15)])  # noqa: PLR2004
        placed.append(label_y)
        words = f"{figures.label}: {figures.friction:.1%}, {figures.caught:.1%}"
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_colour(figures.label)}"/>',
            f'<text x="{x + 9:.1f}" y="{label_y:.1f}">{escape(words)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _axes(widest: float) -> list[str]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = [f'<path d="M{_LEFT} {_TOP} V{bottom} H{right}" fill="none" stroke="black"/>']
    for step in range(_STEPS + 1):
        share = step / _STEPS
        x, y = _x(share * widest, widest), _y(share)
        parts += [
            f'<path d="M{_LEFT} {y:.1f} H{right}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>',
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{share * widest:.1%}</text>',
        ]
    middle = (_LEFT + right) / 2
    return [
        *parts,
        f'<text x="{middle}" y="{HEIGHT - 20}" text-anchor="middle">ordinary people not accepted at once</text>',
        f'<text x="22" y="{(_TOP + bottom) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 22 {(_TOP + bottom) / 2})">attacks stopped, contested or found within 24 h</text>',
    ]


def _x(share: float, widest: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * share / widest


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share


def _colour(label: str) -> str:
    return {"code": "#b2182b", "hlr": "#ef8a62"}.get(label.split(maxsplit=1)[0], "#2166ac")
