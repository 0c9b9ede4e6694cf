"""What the commands print: the first screen, and tables for a terminal."""
