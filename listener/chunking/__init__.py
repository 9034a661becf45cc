"""Text to chunks: where each begins and ends, under which headings."""
