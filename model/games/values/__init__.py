"""Classical and quantum values of weighted XOR games, with proofs."""
