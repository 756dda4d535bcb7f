"""Adapters that carry effects to exchanges and bring outcomes back."""
