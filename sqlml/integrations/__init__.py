"""Where sqlml meets other tools."""
