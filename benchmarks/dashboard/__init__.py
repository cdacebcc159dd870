"""How quick the dashboard is on a full workspace, and how it bears many people."""
