"""A sans-IO parser of multipart/form-data (RFC 7578, 2046): bytes in, parts and their data out.

It opens no file and knows no field: how long a part's data may be is its reader's affair. Callers
find everything here; parser.py frames the parts, headers.py reads the values of their headers.

    parser = MultipartParser(boundary_of(content_type))
    for chunk in body:
        parser.receive_data(chunk)
        while (event := parser.next_event()) is not NEED_DATA:
            ...
    parser.receive_eof()
    while (event := parser.next_event()) is not NEED_DATA:    # ends with EndOfForm
        ...
"""

from restore.http.multipart.headers import (
    DEFAULT_LIMITS,
    FormError,
    FormLimits,
    boundary_of,
    essence_of,
    media_type,
)
from restore.http.multipart.parser import (
    NEED_DATA,
    Data,
    EndOfForm,
    EndOfPart,
    MultipartParser,
    NeedData,
    Part,
    State,
)

__all__ = [
    "DEFAULT_LIMITS",
    "NEED_DATA",
    "Data",
    "EndOfForm",
    "EndOfPart",
    "FormError",
    "FormLimits",
    "MultipartParser",
    "NeedData",
    "Part",
    "State",
    "boundary_of",
    "essence_of",
    "media_type",
]
