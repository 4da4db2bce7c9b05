"""Damaged and hostile files, made by ``make.py``, and the good ones that stand beside them."""
