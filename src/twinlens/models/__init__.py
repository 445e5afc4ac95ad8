"""Models: encoders and a fusion as one network, the shipped models, and the fastest trusted way to run one."""
