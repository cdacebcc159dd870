"""What a dashboard may do: every look into the workspace and every change of it, without widgets and without torch."""
