"""Other tools' votes: one module a family of formats, each both ways, none knows another."""
