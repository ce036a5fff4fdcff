"""crossprof: which framework is faster, by how much, how sure are we, and where does the difference sit."""
