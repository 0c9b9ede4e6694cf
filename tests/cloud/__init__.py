"""Loopback doubles of the cloud services: small servers on 127.0.0.1 that the unmodified clients talk to."""
