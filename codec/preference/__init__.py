"""The preference model: from votes on crops to w, how far people would rather have detail invented there."""
