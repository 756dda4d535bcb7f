"""Read models: what people and programs are shown, folded from events."""
