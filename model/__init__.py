"""The model: scenario, queueing formulas, games, frontiers, links, sweeps, trials and simulation. No quantum SDK."""
