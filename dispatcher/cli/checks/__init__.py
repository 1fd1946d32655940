"""What ``dispatcher doctor`` looks at: one module per neighbour."""
