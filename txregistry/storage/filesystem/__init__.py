"""The driver that keeps everything in a local folder, in Distribution's layout."""
