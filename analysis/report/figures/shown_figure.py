"""A figure that a notebook shows by itself, whatever its plotting is set up for."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from .style import figure_style

_DOTS, _SCALE = 200, 2  # per inch; pixels to one of the page, so that it is sharp on any screen


class ShownFigure(Figure):
    """matplotlib's figure, which notebooks would only name without pyplot; none of ours needs that."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        buffer = io.BytesIO()
        with figure_style():
            # White keeps it legible on dark pages.
            self.savefig(buffer, format="png", dpi=_DOTS, facecolor="white", metadata={"Software": None})
        width, height = (round(inches * _DOTS / _SCALE) for inches in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height}
