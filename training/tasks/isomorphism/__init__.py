"""Which group a Cayley table is, up to isomorphism, and the table of a group that has errors."""
