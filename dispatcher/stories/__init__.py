"""What became of an event, as people read it and as programs do."""
