"""Speed and memory, as ratios to a bare workflow measured in the same run."""
