"""Whole networks as `Net(init, apply)` values."""
