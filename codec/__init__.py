"""The room of images: codecs, bitstreams, crops and metrics. It never imports the other rooms."""
