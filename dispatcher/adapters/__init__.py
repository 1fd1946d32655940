"""Everything that meets the outside: one package per kind of neighbour."""
