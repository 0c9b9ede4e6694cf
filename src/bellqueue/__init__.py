"""bellqueue: entanglement-assisted request routing, run and certified on quantum hardware and simulators."""
