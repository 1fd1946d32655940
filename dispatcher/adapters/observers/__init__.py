"""Who watches: one module per place where outcomes are told."""
