"""What pages share: the frame, safe text, pickers, charts, empty states. Widgets are here; the work is elsewhere."""
