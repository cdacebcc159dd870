"""Where numbers go besides the run folder: dashboards of others. One file each; nothing is ever read back from them.

The run's own metric lines are the truth. A sink is told what was written there, and a sink that fails is left out.
"""
