"""Who may speak for whom: who is let in, what the hub says of its nodes, what it passes on of others' words."""
