"""Pictures for people: SVG without a browser, and PNG of it."""
