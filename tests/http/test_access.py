"""access: whose request it is, and whether a browser may have made it."""

import unittest
from ipaddress import ip_address, ip_network

from restore.http.access import (
    client_of,
    host_allowed,
    parse_address,
    rate_key,
    same_origin,
    split_host,
)

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


class ParseAddressTest(unittest.TestCase):
    def test_addresses(self) -> None:
        for text, address in (
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::1"),
        ):
            with self.subTest(text):
                self.assertEqual(parse_address(text), ip_address(address))

    def test_what_is_none(self) -> None:
        for text in ("", "localhost", "1.2.3", "1.2.3.4%eth0", "127.0.0.1%.evil.com", "1.2.3.4:80"):
            with self.subTest(text):
                self.assertIsNone(parse_address(text))


class ClientOfTest(unittest.TestCase):
    def test_nobody_is_trusted_by_default(self) -> None:
        self.assertEqual(client_of("10.0.0.1", ["192.0.2.1"], ()), "10.0.0.1")

    def test_a_stranger_is_not_believed(self) -> None:
        self.assertEqual(client_of("198.51.100.1", ["192.0.2.1"], PROXIES), "198.51.100.1")

    def test_a_trusted_proxy_names_the_client(self) -> None:
        for value in ("192.0.2.1", " 192.0.2.1 ", "192.0.2.1:50000", "::ffff:192.0.2.1"):
            with self.subTest(value):
                self.assertEqual(client_of("10.0.0.1", [value], PROXIES), "192.0.2.1")

    def test_ipv6_with_brackets_and_port(self) -> None:
        for value in ("2001:db8::1", "[2001:db8::1]", "[2001:DB8:0::1]:50000"):
            with self.subTest(value):
                self.assertEqual(client_of("fd00::1", [value], PROXIES), "2001:db8::1")

    def test_the_first_hop_from_the_right_that_is_not_trusted_counts(self) -> None:
        """What stands left of it the client may have written itself."""
        forwarded = ["203.0.113.9, 192.0.2.1", "10.0.0.2,10.0.0.3"]
        self.assertEqual(client_of("10.0.0.1", forwarded, PROXIES), "192.0.2.1")

    def test_a_chain_of_trusted_hops_ends_at_its_first(self) -> None:
        self.assertEqual(client_of("10.0.0.1", ["10.0.0.3, 10.0.0.2"], PROXIES), "10.0.0.3")

    def test_what_is_no_address_ends_the_list(self) -> None:
        for hop in ("", "unknown", "_hidden", "evil\\r\\n", "1.2.3.4.5"):
            with self.subTest(hop):
                forwarded = [f"192.0.2.1, {hop}, 10.0.0.2"]
                self.assertEqual(client_of("10.0.0.1", forwarded, PROXIES), "10.0.0.2")

    def test_a_peer_without_address_is_itself(self) -> None:
        self.assertEqual(client_of("-", ["192.0.2.1"], PROXIES), "-")

    def test_no_header_leaves_the_proxy(self) -> None:
        self.assertEqual(client_of("10.0.0.1", [], PROXIES), "10.0.0.1")

    def test_only_the_last_hops_are_looked_at(self) -> None:
        hops = ["192.0.2.1", *["10.0.0.2"] * 32]
        self.assertEqual(client_of("10.0.0.1", [",".join(hops)], PROXIES), "10.0.0.2")
        self.assertEqual(client_of("10.0.0.1", [",".join(hops[:-1])], PROXIES), "192.0.2.1")


class RateKeyTest(unittest.TestCase):
    def test_ipv4_by_address(self) -> None:
        self.assertEqual(rate_key("192.0.2.1"), "192.0.2.1")
        self.assertEqual(rate_key("::ffff:192.0.2.1"), "192.0.2.1")

    def test_ipv6_by_its_64(self) -> None:
        self.assertEqual(rate_key("2001:db8:1:2::1"), rate_key("2001:db8:1:2:ffff::9%eth0"))
        self.assertNotEqual(rate_key("2001:db8:1:2::1"), rate_key("2001:db8:1:3::1"))

    def test_what_is_no_address_is_its_own_key(self) -> None:
        self.assertEqual(rate_key("-"), "-")


class HostAllowedTest(unittest.TestCase):
    NAMES = frozenset({"localhost", "photos.example"})

    def test_allowed(self) -> None:
        for host in (
            "",
            "localhost",
            "LocalHost:8000",
            "photos.example:443",
            "127.0.0.1:8000",
            "192.168.1.7",
            "[::1]:8000",
            "[::1]",
            "10.0.2.2:8000",
        ):
            with self.subTest(host):
                self.assertTrue(host_allowed(host, self.NAMES))

    def test_names_that_dns_could_rebind(self) -> None:
        for host in (
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1%.evil.example",
            "localhost.",
            "127.1",
            "x",
        ):
            with self.subTest(host):
                self.assertFalse(host_allowed(host, self.NAMES))


class SameOriginTest(unittest.TestCase):
    def test_no_browser(self) -> None:
        self.assertTrue(same_origin("127.0.0.1:8000", None, None))
        self.assertTrue(same_origin("", None, None))

    def test_own_pages(self) -> None:
        for host, origin in (
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("localhost:8000", "http://LOCALHOST:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("photos.example", "https://photos.example"),
            ("photos.example", "http://photos.example:80"),
            ("photos.example:443", "https://photos.example"),
        ):
            with self.subTest(origin):
                self.assertTrue(same_origin(host, origin, "same-origin"))

    def test_other_sites(self) -> None:
        for origin in (
            "null",
            "",
            "http://evil.example",
            "http://localhost:3000",
            "http://localhost",
            "http://127.0.0.1:8000",
            "http://localhost:8000.evil.example",
            "http://localhost:8000@evil.example",
            "http://user@localhost:8000",
            "http://localhost:8000/",
            "http://localhost:8000, http://localhost:8000",
            "file://localhost:8000",
            "ftp://localhost:8000",
            "localhost:8000",
            "http://localhost:port",
            "http://[::1",
            "http://",
        ):
            with self.subTest(origin):
                self.assertFalse(same_origin("localhost:8000", origin, None))

    def test_origin_without_host(self) -> None:
        self.assertFalse(same_origin("", "http://localhost", None))

    def test_cross_site_whatever_the_origin(self) -> None:
        for site in ("cross-site", " Cross-Site ", "cross-site, same-origin"):
            for origin in (None, "http://localhost:8000"):
                with self.subTest(site, origin=origin):
                    self.assertFalse(same_origin("localhost:8000", origin, site))

    def test_other_fetch_sites(self) -> None:
        for site in ("same-origin", "same-site", "none"):
            with self.subTest(site):
                self.assertTrue(same_origin("localhost:8000", None, site))


class SplitHostTest(unittest.TestCase):
    def test_split(self) -> None:
        for host, parts in (
            ("a", ("a", None)),
            ("a:80", ("a", 80)),
            ("a:", ("a", None)),
            ("a:x", ("a", None)),
            ("[::1]", ("[::1]", None)),
            ("[::1]:80", ("[::1]", 80)),
        ):
            with self.subTest(host):
                self.assertEqual(split_host(host), parts)
