"""Which wrong labels are memorized, where, and how one would know."""
