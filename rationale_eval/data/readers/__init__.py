"""Readers of data files, one file a format. Each takes an open file and yields rows or rejections, streamed."""
