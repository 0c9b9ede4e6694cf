"""The report, its tables and what a paper needs."""
