"""GB/T 28181: the registrar that devices and platforms register with."""
