"""nnjax: the classic neural networks as pure JAX functions."""
