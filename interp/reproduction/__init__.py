"""The papers, claim by claim: recipes as data, and the verdicts that come of them."""
