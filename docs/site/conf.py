"""How Sphinx makes the site of the pages as they are: `tox -e docs`. Nothing here is needed to read them."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the checkout's package, built or not

project = "sctpffi"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/site/index"
include_patterns = ["*.md", "docs/*.md", "docs/site/*"]
myst_heading_anchors = 4
# Links to a page's own <a id="...">, which MyST does not know; tests/unit looks after all links and anchors.
suppress_warnings = ["myst.xref_missing"]
html_theme = "furo"
html_title = "sctpffi"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"


def plain(app, what, name, obj, options, lines):
    """Docstrings are plain text with `code`: a continued line is no block, a line on an argument stands alone."""
    kept = []
    for line in lines:
        if line.startswith(" ") and kept and kept[-1].strip():
            line = line.strip()
        elif re.match(r"[a-z_]\w*(, [a-z_]\w*)*: ", line):
            kept.append("")
        kept.append(re.sub(r"`+([^`]+)`+", r"``\1``\\ ", line))
    lines[:] = kept


def setup(app):
    """Sphinx calls it."""
    app.connect("autodoc-process-docstring", plain)
