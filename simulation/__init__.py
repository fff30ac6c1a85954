"""What a case definition does to a desk, in virtual time: the domain's own rules, and dice."""
