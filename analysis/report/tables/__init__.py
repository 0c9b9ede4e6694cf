"""Records as text: sections of rows and cells, which terminal, notebook and report show each in its way."""
