"""Records of analyses, frontiers, links and comparisons, counts files, and the words of a verdict."""
