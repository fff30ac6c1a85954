"""Pictures of case definitions and simulations, as SVG and PNG, without a browser."""
