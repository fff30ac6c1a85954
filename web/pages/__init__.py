"""The work pages: what people see of their work, and do with it."""
