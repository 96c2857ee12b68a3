"""Many runs: from a grid file to one table, by any executor, with nothing lost."""
