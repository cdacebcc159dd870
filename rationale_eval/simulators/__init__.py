"""Simulators: models that guess another model's answer from the input, its rationale, or both."""
