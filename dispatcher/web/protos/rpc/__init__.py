"""How a status carries its details."""
