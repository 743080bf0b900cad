"""The estimators: what is wrong with a picture. None of them changes a pixel."""
