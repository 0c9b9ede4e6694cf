"""Simulators in this process: ideal, noisy, with the noise of a device's snapshot, or over a link."""
