"""Simulation of a case definition in virtual time, decided by the domain's own rules."""
