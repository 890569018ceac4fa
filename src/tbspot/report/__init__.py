"""An evaluation as one HTML file that opens offline: table, curves, films, provenance.

Takes a folder with evaluation.json, and the films if they are to be shown; gives a page. All
figures come from the file: nothing is judged anew here.
"""

from tbspot.report.page import write_report

__all__ = ["write_report"]
