"""What touches the world for a workflow: one class an outside system."""
