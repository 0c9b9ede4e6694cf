"""The routing game: strategies, bounds, frontiers and operating points."""
