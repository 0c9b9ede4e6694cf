"""The scenario file, validated, and its fields by name."""
