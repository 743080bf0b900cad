"""The header values of a form: media types, boundaries, and what a part's headers say."""

import unittest

from restore.http.multipart import FormError, FormLimits, boundary_of, essence_of, media_type
from restore.http.multipart.headers import PartHeaders, part_headers_of
from tests.support.multipart_testcase import FORM_DATA, NAMED_F, assert_refused, form, said_of

DISPOSITION = "Content-Disposition: form-data; "


def headers_of(*lines: str | bytes) -> PartHeaders:
    """What these lines say, each without its CRLF."""
    raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return part_headers_of(b"".join(line + b"\r\n" for line in raw))


def names_of(parameters: str | bytes) -> tuple[str, str | None]:
    """Name and file name in a Content-Disposition with these parameters."""
    raw = parameters if isinstance(parameters, bytes) else parameters.encode()
    headers = headers_of(DISPOSITION.encode() + raw)
    return headers.name, headers.filename


class TestMediaType(unittest.TestCase):
    """Content-Type values, RFC 9110, 8.3.1."""

    def test_media_type(self) -> None:
        for value, expected in (
            ("text/plain", ("text/plain", {})),
            (" Text/PLAIN\t", ("text/plain", {})),
            ("multipart/form-data;boundary=x", ("multipart/form-data", {"boundary": "x"})),
            ('a/b; C=D; e="f;g\\"\\\\"; h = \'i\'', ("a/b", {"c": "D", "e": 'f;g"\\', "h": "'i'"})),
            ("a/b;; ;x=y; ", ("a/b", {"x": "y"})),
            ("image/*", ("image/*", {})),
            ("a/b; x=", ("a/b", {"x": ""})),
        ):
            with self.subTest(value):
                self.assertEqual(media_type(value), expected)

    def test_what_is_no_media_type_has_no_parameters(self) -> None:
        for value in (
            "",
            "text",
            "text/",
            "/plain",
            "a/b/c",
            "a b/c",
            "a/b c; x=y",
            "é/b",
            '"',
            ";",
        ):
            with self.subTest(value):
                self.assertEqual(media_type(value), ("", {}))
                self.assertEqual(essence_of(value), "")

    def test_the_essence_stands_though_the_parameters_are_damaged(self) -> None:
        self.assertEqual(essence_of('Multipart/Form-Data; boundary="x'), "multipart/form-data")

    def test_damaged_parameters(self) -> None:
        for value in (
            "a/b; x",
            "a/b; =y",
            'a/b; x="y',
            'a/b; x="y"z',
            'a/b; x=y"z"',
            'a/b; x="y" z="w"',
            "a/b; x=y; X=y",
            "a/b; x y=z",
            "a/b; é=y",
            'a/b; x="y""',
        ):
            with self.subTest(value):
                self.assertRaises(FormError, media_type, value)


class TestBoundary(unittest.TestCase):
    """The boundary in a Content-Type, RFC 2046, 5.1.1."""

    def test_boundaries(self) -> None:
        for value, boundary in (
            ("abc", b"abc"),
            ('"abc"', b"abc"),
            ("abc; charset=utf-8", b"abc"),
            ("abc ", b"abc"),
            ('"a b"', b"a b"),
            ('"abc "', b"abc "),
            ("'()+_,-./:=?", b"'()+_,-./:=?"),
            ('"\'()+_,-./:=?; "', b"'()+_,-./:=?; "),
            ("----=_Part_0", b"----=_Part_0"),
            ("*****", b"*****"),
            ("a%22b", b"a%22b"),
            ("x" * 70, b"x" * 70),
        ):
            with self.subTest(value):
                self.assertEqual(boundary_of(FORM_DATA + value), boundary)
        self.assertEqual(boundary_of("MULTIPART/FORM-DATA; charset=x; BOUNDARY=Y"), b"Y")

    def test_unusable(self) -> None:
        for value in ("", '""', '" "', "é", "a\tb", '"a\0b"', '"a\r\nb"', "x" * 71, 'x"', '"x'):
            with self.subTest(value):
                self.assertRaises(FormError, boundary_of, FORM_DATA + value)
        for content_type in (
            "multipart/form-data",
            "multipart/form-data; x=boundary",
            "multipart/form-data; boundary=a; boundary=a",
            "multipart/form-data boundary=a",
            "multipart/form-data, boundary=a",
            "",
        ):
            with self.subTest(content_type):
                self.assertRaises(FormError, boundary_of, content_type)

    def test_limit(self) -> None:
        limits = FormLimits(boundary_bytes=3)
        self.assertEqual(boundary_of(FORM_DATA + "abc", limits), b"abc")
        self.assertRaises(FormError, boundary_of, FORM_DATA + "abcd", limits)


class TestNames(unittest.TestCase):
    """Field and file names, RFC 7578, 4.2, and the WHATWG's form-data encoding."""

    def test_names(self) -> None:
        for parameters, names in (
            ('name="f"', ("f", None)),
            ("name=f", ("f", None)),
            ("NAME=f;FileName=x", ("f", "x")),
            ('filename="x"; name="f"', ("f", "x")),
            ('name="f"; filename=""', ("f", "")),
            ('name="f"; size=12; x-y="z"', ("f", None)),
            ('name="f";', ("f", None)),
            ('name="a;b=c"', ("a;b=c", None)),
            ('name="grün"; filename="写真.jpg"', ("grün", "写真.jpg")),
            ('name="F "', ("F ", None)),
            ("name=my field", ("my field", None)),
            ('name=""', ("", None)),
            ("name=", ("", None)),
            ("filename=x", ("", "x")),
            ("name*=utf-8''f", ("", None)),
        ):
            with self.subTest(parameters):
                self.assertEqual(names_of(parameters), names)

    def test_quotes_and_backslashes(self) -> None:
        for written, name in (
            (r"a%22b", 'a"b'),
            (r"a\"b", 'a"b'),
            (r"a\\", "a\\"),
            (r"a\b", r"a\b"),
            (r"a\\b", r"a\b"),
            (r"a%0D%0Ab", "a%0D%0Ab"),
            (r"100%", "100%"),
            ("a\\", "a\\"),
            ("'a'", "'a'"),
        ):
            with self.subTest(written):
                self.assertEqual(names_of(f'name="{written}"'), (name, None))
                self.assertEqual(names_of(f'name="{written}"; filename="x"'), (name, "x"))

    def test_only_the_last_component_of_a_file_name(self) -> None:
        for written, filename in (
            ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
            ("C:\\\\Users\\\\me\\\\photo.jpg", "photo.jpg"),
            ("\\\\server\\share\\photo.jpg", "photo.jpg"),
            ("/sdcard/photo.jpg", "photo.jpg"),
            ("a\\b/c\\photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "passwd"),
            ("..", ".."),
            ("photo/", ""),
        ):
            with self.subTest(written):
                self.assertEqual(names_of(f'name=f; filename="{written}"'), ("f", filename))

    def test_filename_star(self) -> None:
        for written, filename in (
            ("filename*=UTF-8''gr%c3%BCn.jpg", "grün.jpg"),
            ("filename*=utf-8'de'gr%C3%BCn.jpg", "grün.jpg"),
            ("filename*=ISO-8859-1''gr%FCn.jpg", "grün.jpg"),
            ("filename*=\"UTF-8''x%20y\"", "x y"),
            ("filename*=UTF-8''a%2Fb%5Cc", "c"),
            ("filename=plain; filename*=UTF-8''star", "star"),
            ("filename*=UTF-8''star; filename=plain", "star"),
            ("filename*=UTF-8''; filename=plain", ""),
            # What can't be decoded only says that this is a file.
            ("filename=plain; filename*=UTF-8''%FF", "plain"),
            ("filename=plain; filename*=UTF-8''%F", "plain"),
            ("filename=plain; filename*=UTF-8''%zz", "plain"),
            ("filename=plain; filename*=shift-jis''x", "plain"),
            ("filename=plain; filename*=x", "plain"),
            ("filename*=x", ""),
        ):
            with self.subTest(written):
                self.assertEqual(names_of("name=f; " + written), ("f", filename))

    def test_filename_star_never_overrules_damage(self) -> None:
        for damaged in ('filename="x', 'filename="x"y', "filename=a; filename=a", "filename"):
            for star in ("filename*=UTF-8''x", "filename*=UTF-8''%C3%BC"):
                for parameters in (f"{damaged}; {star}", f"{star}; {damaged}"):
                    with self.subTest(parameters):
                        self.assertRaises(FormError, names_of, f"name=f; {parameters}")

    def test_names_that_are_not_utf_8(self) -> None:
        self.assertEqual(names_of(b'name="\xfc"; filename="\xff\xfe"'), ("\ufffd", "\ufffd\ufffd"))

    def test_control_bytes(self) -> None:
        for byte in [*range(9), *range(10, 32), 127]:
            with self.subTest(byte):
                control = bytes([byte])
                self.assertRaises(FormError, names_of, b'name="a' + control + b'b"')
                self.assertRaises(FormError, names_of, b'name=f; filename="a' + control + b'b"')
                self.assertRaises(FormError, names_of, f"name=f; filename*=UTF-8''a%{byte:02x}b")
                self.assertRaises(FormError, headers_of, b"X-Unknown: a" + control + b"b")

    def test_damaged(self) -> None:
        for parameters in (
            'name="f',
            'name=f"',
            'name="f"f',
            'name="f" filename="x"',
            'name="f"; name="f"',
            'name="f"; NAME=f',
            'name="f"; filename="x"; filename="y"',
            'name="f"; form-data; name="f"',
            "name",
            "=f",
            'name="f"; "',
            'name="f" "; filename="x"',
        ):
            with self.subTest(parameters):
                self.assertRaises(FormError, names_of, parameters)

    def test_a_lone_quote_behind_the_last_value(self) -> None:
        for value in ('"f"', "f"):
            self.assertEqual(names_of(f'name={value} "'), ("f", None))
            self.assertEqual(names_of(f'filename="x"; name={value} \t "'), ("f", "x"))


class TestPartHeaders(unittest.TestCase):
    """A part's header lines."""

    def test_no_name(self) -> None:
        self.assertEqual(headers_of(), PartHeaders())
        self.assertEqual(headers_of("Content-Disposition: form-data"), PartHeaders())
        self.assertEqual(headers_of("Content-Disposition: attachment; name=f"), PartHeaders())
        self.assertEqual(headers_of("Content-Type: a/b"), PartHeaders(content_type="a/b"))

    def test_damaged_disposition(self) -> None:
        for value in ("", ";", "; name=f", 'form-data name="f"', '"form-data"; name=f', "é"):
            with self.subTest(value):
                self.assertRaises(FormError, headers_of, f"Content-Disposition: {value}")
        self.assertRaises(FormError, headers_of, "Content-Disposition: attachment; name")

    def test_repeated(self) -> None:
        line = DISPOSITION + "name=f"
        self.assertRaises(FormError, headers_of, line, line)
        self.assertRaises(FormError, headers_of, line, "content-disposition: x")
        self.assertEqual(
            headers_of(line, "Content-Type: a/b", "Content-Type: c/d", "X: 1", "X: 2"),
            PartHeaders("f", None, "a/b"),
        )

    def test_content_types(self) -> None:
        for value, expected in (
            ("Image/JPEG", "image/jpeg"),
            ("image/*", "image/*"),
            ("application/json; charset=utf-8", "application/json"),
            ("text/plain; charset", "text/plain"),
            ("", ""),
            ("junk", ""),
            ("text plain", ""),
        ):
            with self.subTest(value):
                self.assertEqual(headers_of(f"Content-Type: {value}").content_type, expected)

    def test_transfer_encodings(self) -> None:
        for encoding in ("binary", "BINARY", "7bit", "8bit", "8Bit ", ""):
            with self.subTest(encoding):
                headers = headers_of(
                    DISPOSITION + "name=f", f"Content-Transfer-Encoding:{encoding}"
                )
                self.assertEqual(headers.name, "f")
        for encoding in ("x-uuencode", "gzip", "binary, base64"):
            with self.subTest(encoding):
                line = f"Content-Transfer-Encoding: {encoding}"
                self.assertRaises(FormError, headers_of, line)
                self.assertRaises(FormError, headers_of, "Content-Transfer-Encoding: 8bit", line)

    def test_folded(self) -> None:
        expected = PartHeaders("f", "x", "a/b")
        self.assertEqual(
            headers_of(
                "Content-Disposition: form-data;",
                " name=f;",
                "\t filename=x",
                "Content-Type:",
                " a/b",
            ),
            expected,
        )
        self.assertEqual(headers_of(DISPOSITION + 'name="a', ' b"'), PartHeaders("a b"))
        self.assertEqual(headers_of(DISPOSITION + "name=f", " ", "\t"), PartHeaders("f"))
        self.assertRaises(FormError, headers_of, " " + DISPOSITION + "name=f")

    def test_lines_that_are_no_headers(self) -> None:
        for line in ("junk", ": x", "A B: c", "Content-Disposition : x", "é: x", "\0: x", "A\t: b"):
            with self.subTest(line):
                self.assertRaises(FormError, headers_of, line)
                assert_refused(self, form(b"data", NAMED_F + line.encode() + b"\r\n"))

    def test_unknown_headers_are_ignored(self) -> None:
        lines = b"Content-Length: x\r\nX-\xe9!: no\r\n", b"X-Y:\r\nMIME-Version: 1.0\r\n"
        assert_refused(self, form(b"data", NAMED_F + lines[0]))  # a name that is no token
        self.assertEqual(said_of(form(b"data", NAMED_F + lines[1])), said_of(form(b"data")))

    def test_limits(self) -> None:
        limits = FormLimits(name_bytes=4, part_header_count=2)
        block = b"X: y\r\nContent-Disposition: form-data; name="
        self.assertEqual(part_headers_of(block + b"abcd\r\n", limits).name, "abcd")
        self.assertEqual(part_headers_of(block + "üü".encode() + b"\r\n", limits).name, "üü")
        for name in (b"abcde\r\n", "üüü".encode() + b"\r\n", b"a\r\n b\r\n", b"a\r\nX: y\r\n"):
            with self.subTest(name):
                self.assertRaises(FormError, part_headers_of, block + name, limits)
