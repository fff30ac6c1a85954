"""What a desk defined beforehand, read from YAML."""
