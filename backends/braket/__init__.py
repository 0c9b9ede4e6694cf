"""Amazon Braket."""
