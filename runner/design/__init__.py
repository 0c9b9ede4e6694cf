"""Plans: what a run will show and cost, before it is paid for."""
