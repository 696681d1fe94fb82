"""The driver that keeps everything in a folder of this machine."""
