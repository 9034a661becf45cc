"""Archives as folders: zip and tar, packed or not, from any source."""
