"""From a measurement strategy to angles, settings and parametrized Bell circuits."""
