"""The command line, and the pipeline that joins scenario, circuits, backend and analysis."""
