"""Sphinx's settings: MyST reads the pages of this folder, furo lays them out; nothing is fetched from elsewhere."""

project = "Figment"
author = "Figment"
copyright = ""  # noqa: A001  (Sphinx's name for it)

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_url_schemes = ("http", "https")
smartquotes = False  # what is written is shown, also in commands

html_theme = "furo"
html_title = "Figment"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["style"]
html_css_files = ["figment.css"]
