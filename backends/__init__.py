"""One adapter per provider behind one small protocol."""
