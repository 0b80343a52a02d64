"""The report's pictures: numbers to places, and words for whoever cannot see them.

`album.album` draws all of a report, one module a kind of picture; `drawing` makes files of them.
"""
