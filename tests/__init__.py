"""Every test; the folders below say what each kind needs."""
