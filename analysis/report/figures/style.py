"""The style of every figure, whatever the user's own matplotlib is set up for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_STYLE: Any = {  # matplotlib types every key one by one
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "figure.facecolor": "none",  # so that the page shows through; PNG and PDF get a white ground
    "axes.facecolor": "none",
    "legend.fontsize": 9.9,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.09,
    "text.parse_math": False,  # titles and type names are other people's: a $ in one is a $
    "pdf.fonttype": 42,
    "svg.fonttype": "none",  # text stays text: searchable, selectable, and read aloud
    "svg.hashsalt": "bellqueue",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """matplotlib's own defaults and ours, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # the browser has it
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield
