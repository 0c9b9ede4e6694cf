"""Simulators in this process: ideal, noisy, or with the noise of a device's snapshot."""
