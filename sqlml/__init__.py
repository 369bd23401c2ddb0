"""sqlml."""
