"""IBM Quantum."""
