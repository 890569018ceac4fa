"""A local page to look at films, heat maps and boxes: `tbspot view`.

Takes a run folder, or films dropped on the page; gives pages on this machine. Predictions are
read as `locate` wrote them, or made by its own steps.
"""

from tbspot.viewer.serving import ViewSettings, serve

__all__ = ["ViewSettings", "serve"]
