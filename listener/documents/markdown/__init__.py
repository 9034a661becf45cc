"""What a Markdown text is made of, as far as cutting, naming and searching it needs."""
