"""Tables, column types and versions of the schema."""
