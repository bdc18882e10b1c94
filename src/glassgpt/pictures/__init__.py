"""What a notebook shows of a model, of its samples and of a trace: HTML without scripts.

Each picture is one string that needs nothing else: no request, no font, no script. It follows the
light or dark theme of the notebook, fits a screen 360 px wide, and says in words what it draws.
"""

from glassgpt.pictures.model import model_html
from glassgpt.pictures.samples import samples_html
from glassgpt.pictures.trace import trace_html

__all__ = ["model_html", "samples_html", "trace_html"]
