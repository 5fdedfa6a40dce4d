"""Losses, metrics and penalties, and the one compiled engine that trains everything."""
