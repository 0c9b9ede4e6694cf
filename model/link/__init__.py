"""Which link would suffice: what pairs per second, fidelity and memory an advantage over classical routers takes."""
