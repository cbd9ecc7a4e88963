"""Pretrained encoders from local folders; `transformers` is imported where one is built."""
