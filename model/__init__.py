"""The model: scenario, queueing formulas, game, frontiers, records of trials and simulation. No quantum SDK."""
