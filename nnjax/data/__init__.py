"""Data sets, read and checked on the host before anything is trained on them."""
