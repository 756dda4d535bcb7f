"""Prices and markets as the engine last heard of them."""
