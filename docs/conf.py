"""How the pages of this folder are built: `make docs`; nothing is fetched, neither now nor when a page is read."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "bellqueue"
author = "the bellqueue authors"
copyright = author
version = release = installed_version("bellqueue")
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "plain_docstrings",
    "sphinx.ext.napoleon",
    "mathml",
    "command_reference",
    "record_reference",
    "type_names",
    "page_finish",
]
exclude_patterns = ["_build", "extensions"]
templates_path = ["templates"]

myst_enable_extensions = ["attrs_block", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

autosummary_generate = True
autosummary_mock_imports = ["bellqueue.__main__"]  # importing it runs the program
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "show-inheritance": True,
    "exclude-members": "ask",  # each provider's, a bound method whose signature Sphinx cannot read
}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_attr_annotations = False
add_module_names = False
toc_object_entries_show_parents = "hide"

nitpicky = True
# What other projects document, whose inventories would have to be fetched; our private names.
nitpick_ignore_regex = [
    (r"py:.*", r"(abc|collections|concurrent|contextlib|datetime|decimal|fractions|pathlib|sqlite3|types|typing)\..*"),
    (r"py:.*", r"(jinja2|markupsafe|matplotlib|numpy|pandas|pydantic|pydantic_core|qiskit|qiskit_ibm_runtime)\..*"),
    (r"py:.*", r"(rich|scipy|typer)\..*"),
    (r"py:.*", r"bellqueue\.(\w+\.)+_\w+"),
    (r"py:class", r"(ArrayLike|Axes|Circuit|Decimal|Figure|FreeParameter|Markup|NoneType|Parameter|Path)"),
    (r"py:class", r"(QuantumCircuit|Target|TaskID)"),
    (r"py:exc", r"error"),  # a parameter that is raised
]
suppress_warnings = ["ref.python"]  # two classes of one name in two modules, where a name of types holds one of them

html_theme = "furo"
html_title = "bellqueue"
html_static_path = ["static"]
html_css_files = ["bellqueue.css"]
html_copy_source = False
html_domain_indices = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = ""
html_math_renderer = "mathml"
html_theme_options = {"navigation_with_keys": False}
highlight_language = "text"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
