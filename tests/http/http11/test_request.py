"""What a request asks for, and of whom: the forms of a target, and the Host."""

import unittest

from tests.support.http11_testcase import Http11TestCase, head


def with_line(line: bytes) -> bytes:
    return head(line=line)


class TargetTest(Http11TestCase):
    def test_paths_and_queries_stay_as_they_were_sent(self) -> None:
        for target, path, query in (
            ("/", "/", ""),
            ("/a?", "/a", ""),
            ("/a?b?c", "/a", "b?c"),
            ("//a/../b", "//a/../b", ""),
            ("/%2e%2E%00/%zz", "/%2e%2E%00/%zz", ""),
            ("/a:b@c|{}\"<>\\^`'", "/a:b@c|{}\"<>\\^`'", ""),
        ):
            with self.subTest(target=target):
                request = self.request(with_line(f"GET {target} HTTP/1.1".encode()))
                self.assertEqual(
                    (request.target, request.path, request.query), (target, path, query)
                )

    def test_the_absolute_form_is_reduced_to_its_path(self) -> None:
        for target, path, query, host in (
            ("http://b/c?d", "/c", "d", "b"),
            ("HTTP://b:80", "/", "", "b:80"),
            ("http://b?d", "/", "d", "b"),
            ("http://b/?", "/", "", "b"),
            ("http://[::1]:1/c", "/c", "", "[::1]:1"),
        ):
            with self.subTest(target=target):
                request = self.request(with_line(f"GET {target} HTTP/1.1".encode()))
                self.assertEqual((request.path, request.query, request.host), (path, query, host))
                self.assertEqual((request.target, request.headers.get("host")), (target, "a"))

    def test_what_must_have_come_over_tls_did_not(self) -> None:
        for target in (b"https://b/", b"HTTPS://b:443/c"):
            self.assert_refused(400, with_line(b"GET " + target + b" HTTP/1.1"))

    def test_the_absolute_form_still_needs_a_good_host(self) -> None:
        line = b"GET http://b/ HTTP/1.1"
        for host in (b"", b"Host: a b\r\n", b"Host: a\r\nHost: a\r\n"):
            with self.subTest(host=host):
                self.assert_refused(400, head(line=line, host=host))

    def test_the_asterisk_is_for_options(self) -> None:
        self.assertEqual(self.request(with_line(b"OPTIONS * HTTP/1.1")).path, "*")
        self.assertEqual(self.request(with_line(b"OPTIONS http://b HTTP/1.1")).path, "*")
        self.assertEqual(self.request(with_line(b"OPTIONS http://b?c HTTP/1.1")).path, "/")
        self.assertEqual(self.request(with_line(b"OPTIONS http://b/ HTTP/1.1")).path, "/")
        self.assertEqual(self.request(with_line(b"OPTIONS / HTTP/1.1")).path, "/")
        self.assert_refused(400, with_line(b"GET * HTTP/1.1"))
        self.assert_refused(400, with_line(b"options * HTTP/1.1"))

    def test_connect_is_not_implemented(self) -> None:
        self.assert_refused(501, with_line(b"CONNECT b:443 HTTP/1.1"))
        self.assert_refused(400, with_line(b"CONNECT / HTTP/1.1"))
        self.assert_refused(400, with_line(b"GET b:443 HTTP/1.1"))

    def test_targets_of_no_form_are_refused(self) -> None:
        for target in (
            b"a",
            b"?a",
            b"*a",
            b"%2f",
            b"\\",
            b"/#",
            b"/a#b",
            b"http://b/#c",
            b"http:",
            b"http:/b",
            b"http://",
            b"http:///c",
            b"http://u@b/",
            b"http://u:p@b/",
            b"http://b:c/",
            b"http://b:65536/",
            b"http://b\\c/",
            b"http://[::1/",
            b"ftp://b/",
            b"file:///c",
            b"javascript:alert(1)",
        ):
            with self.subTest(target=target):
                self.assert_refused(400, with_line(b"GET " + target + b" HTTP/1.1"))


class HostTest(Http11TestCase):
    def test_names_and_addresses_with_and_without_a_port(self) -> None:
        for host in (
            "a",
            "A.Example.",
            "a_b-c.d~e",
            "xn--bcher-kva.example",
            "127.0.0.1",
            "10.0.2.2:8000",
            "localhost:",
            "localhost:0",
            "localhost:65535",
            "[::1]",
            "[::1]:8000",
            "[2001:DB8::ffff:10.0.0.1]:1",
        ):
            with self.subTest(host=host):
                request = self.request(head(host=f"hOsT: {host}\t \r\n".encode()))
                self.assertEqual(request.host, host)

    def test_what_is_no_host_is_refused(self) -> None:
        for host in (
            b"",
            b" ",
            b"a b",
            b"a,b",
            b"a, b",
            b"a/b",
            b"a?b",
            b"a#b",
            b"a@b",
            b"a\\b",
            b"a%20b",
            b"http://a",
            b":80",
            b"a:80:80",
            b"a:b",
            b"a:-1",
            b"a:+1",
            b"a: 80",
            b"a:65536",
            b"a:000080",
            b"a:\xb2",
            b"::1",
            b"[]",
            b"[::1",
            b"::1]",
            b"[::1]80",
            b"[::1]:x",
            b"[::1%lo]",
            b"[1.2.3.4]",
            b"[v1.a]",
            b"[:::]",
            b"[12345::]",
            b"[1:2:3:4:5:6:7:8:9]",
            b"\xe4.example",
            b'"a"',
            b"<a>",
        ):
            with self.subTest(host=host):
                self.assert_refused(400, head(host=b"Host: " + host + b"\r\n"))

    def test_http_1_1_has_exactly_one_host(self) -> None:
        self.assert_refused(400, head(host=b""))
        self.assert_refused(400, head(host=b"Host: a\r\nHost: a\r\n"))
        self.assert_refused(400, head(host=b"Host: a\r\nX: y\r\nhost: b\r\n"))

    def test_http_1_0_may_have_none(self) -> None:
        line = b"GET / HTTP/1.0"
        self.assertEqual(self.request(head(line=line, host=b"")).host, "")
        self.assertEqual(self.request(head(line=line)).host, "a")
        self.assert_refused(400, head(line=line, host=b"Host:\r\n"))
        self.assert_refused(400, head(line=line, host=b"Host: a\r\nHost: a\r\n"))


if __name__ == "__main__":
    unittest.main()
