"""What is written and read: records of an analysis, of frontiers and of counts."""
