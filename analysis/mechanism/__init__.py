"""How a network computes: what its frequencies carry, beside what needs no learning."""
