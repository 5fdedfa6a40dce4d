"""Neural style transfer: a picture that is itself the parameters of a training."""
