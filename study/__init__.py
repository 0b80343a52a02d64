"""People: participants, trials, votes."""
