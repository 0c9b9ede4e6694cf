"""One experiment, from scenario to run folder, here or at a provider."""
