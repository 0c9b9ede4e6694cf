"""Records as text: sections of rows and cells, which terminal, notebook and report each show in their own way."""
