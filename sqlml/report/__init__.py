"""Pages and screens for people."""
