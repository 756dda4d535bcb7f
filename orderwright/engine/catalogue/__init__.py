"""The decider of the catalogue: who and what there is, from users to the links that make strategy accounts."""
