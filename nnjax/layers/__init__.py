"""The layers, one file an idea: pure functions `layer_init(key, ...) -> params`, `layer(params, x) -> y`."""
