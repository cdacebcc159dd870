"""A warm process beside the dashboard: it has torch and the models loaded, and answers one question at a time.

The dashboard never imports torch. It asks this process instead: to check and submit a job, for what recipes and methods
there are, and for a model's answer to an edited text.
"""
