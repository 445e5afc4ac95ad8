"""Encoders and a fusion as one model, the models that ship, and the fastest trusted way to run one."""
