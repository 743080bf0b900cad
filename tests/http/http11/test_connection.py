"""The connection: order of events, states, what is held, what is passed by, what an end means."""

import sys
import unittest
from contextlib import suppress

from restore.http.http11 import (
    CONNECTION_CLOSED,
    NEED_DATA,
    TRANSITIONS,
    Cause,
    Connection,
    Data,
    EndOfMessage,
    ProtocolError,
    Request,
    State,
)
from tests.support.http11_testcase import CODES, GET, Http11TestCase, head
from tests.support.sansio import Refused

POST = head(b"Content-Length: 6", line=b"POST / HTTP/1.1")
CHUNKED = head(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1")


def connection_in(state: State) -> Connection:
    """A connection that was led into `state`."""
    data, events = {
        State.HEAD: (b"GET", 1),
        State.BODY: (POST, 1),
        State.CHUNKED: (CHUNKED, 1),
        State.COMPLETE: (GET, 1),
        State.DONE: (GET, 2),
        State.CLOSED: (head(line=b"GET / HTTP/1.0"), 2),
        State.FAILED: (b"\x00", 0),
    }[state]
    connection = Connection()
    connection.receive_data(data)
    for _ in range(events):
        connection.next_event()
    if state is State.CLOSED:
        connection.start_next_request()
    if state is State.FAILED:
        with suppress(ProtocolError):
            connection.next_event()
    assert connection.state is state, connection.state
    return connection


class OrderTest(Http11TestCase):
    def test_pipelined_requests_come_one_after_the_other(self) -> None:
        first, second, third = (
            self.request(head(line=b"GET /%d HTTP/1.1" % number)) for number in range(3)
        )
        events = self.conversation(
            b"".join(head(line=b"GET /%d HTTP/1.1" % number) for number in range(3)), eof=True
        )
        end = EndOfMessage()
        self.assertEqual(events, [first, end, second, end, third, end, CONNECTION_CLOSED])

    def test_the_next_request_waits_for_the_answer(self) -> None:
        connection = Connection()
        connection.receive_data(GET + GET)
        self.assertIsInstance(connection.next_event(), Request)
        self.assertEqual(connection.next_event(), EndOfMessage())
        for _ in range(3):
            self.assertIs(connection.next_event(), NEED_DATA)
        self.assertEqual(connection.buffered, len(GET))
        connection.receive_data(b"GET")
        connection.start_next_request()
        self.assertIsInstance(connection.next_event(), Request)

    def test_an_answer_ends_after_its_request(self) -> None:
        for state in set(State) - {State.DONE}:
            with self.subTest(state=state), self.assertRaises(RuntimeError):
                connection_in(state).start_next_request()
        connection_in(State.DONE).start_next_request()

    def test_a_head_that_comes_again_makes_an_equal_request(self) -> None:
        for size in (10, 2000):  # bytes of the target: within and beyond what is remembered
            one, other = (
                head(b"X: y", line=b"GET /%b HTTP/1.1" % (letter * size)) for letter in (b"a", b"b")
            )
            with self.subTest(size=size):
                events = self.events_in_pieces(one + one + other + one, 10_000)
                first, again, different, at_last = events[::2]
                self.assertEqual([first, first], [again, at_last])
                self.assertNotEqual(first, different)
                self.assertEqual(events, self.events_in_pieces(one + one + other + one, 7))

    def test_a_remembered_head_can_be_the_start_of_another(self) -> None:
        connection = Connection()
        for path in ("/", "/2"):
            connection.receive_data(head(line=f"GET {path} HTTP/1.1".encode()))
            request = connection.next_event()
            assert isinstance(request, Request)
            self.assertEqual(request.path, path)
            connection.next_event()
            connection.start_next_request()


class StateTest(unittest.TestCase):
    def test_every_state_can_be_reached_and_left_only_as_the_table_says(self) -> None:
        reached = {state for moves in TRANSITIONS.values() for state in moves.values()}
        self.assertEqual(reached | {State.HEAD}, set(State))
        self.assertEqual({cause for moves in TRANSITIONS.values() for cause in moves}, set(Cause))
        for state in State:
            self.assertIs(connection_in(state).state, state)

    def test_ended_connections_stay_so_and_hold_nothing(self) -> None:
        for state in (State.CLOSED, State.FAILED):
            self.assertEqual(TRANSITIONS[state], {})
            connection = connection_in(state)
            for data in (GET, b"x" * 100_000, b""):
                connection.receive_data(data)
                self.assertEqual(connection.buffered, 0)
                self.assertIs(connection.state, state)

    def test_a_closed_connection_says_so_again(self) -> None:
        connection = connection_in(State.CLOSED)
        connection.receive_data(GET)
        for _ in range(3):
            self.assertIs(connection.next_event(), CONNECTION_CLOSED)

    def test_a_failed_connection_fails_again_in_the_same_way(self) -> None:
        connection = Connection()
        connection.receive_data(b"GET / HTTP/3.0\r\n\r\n" + GET)
        for _ in range(3):
            with self.assertRaises(ProtocolError) as caught:
                connection.next_event()
            error = caught.exception
            self.assertEqual((error.status, error.code), (505, CODES[505]))
            self.assertIn(error.reason, str(error))
            connection.receive_data(GET)

    def test_what_it_holds_is_counted(self) -> None:
        for data in (
            b"GET",
            b"GET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX",
            GET[:-1],
        ):
            connection = Connection()
            self.assertFalse(connection.head_started)
            connection.receive_data(data)
            self.assertIs(connection.next_event(), NEED_DATA)
            with self.subTest(data=data):
                self.assertEqual(connection.buffered, len(data))
                self.assertTrue(connection.head_started)

    def test_empty_lines_start_no_head(self) -> None:
        connection = Connection()
        connection.receive_data(b"\r\n")
        self.assertIs(connection.next_event(), NEED_DATA)
        self.assertFalse(connection.head_started)

    def test_a_body_is_no_head(self) -> None:
        for state in (State.BODY, State.CHUNKED, State.COMPLETE, State.DONE):
            connection = connection_in(state)
            connection.receive_data(b"5")
            with self.subTest(state=state):
                self.assertEqual(connection.buffered, 1)
                self.assertFalse(connection.head_started)

    def test_unfinished_trailers_are_counted(self) -> None:
        connection = connection_in(State.CHUNKED)
        connection.receive_data(b"0\r\nX: y\r\nZ")
        self.assertIs(connection.next_event(), NEED_DATA)
        self.assertEqual(connection.buffered, len(b"X: y\r\nZ"))


class EndTest(Http11TestCase):
    def test_between_requests_it_is_a_close(self) -> None:
        self.assertEqual(self.conversation(b"", eof=True), [CONNECTION_CLOSED])
        self.assertEqual(self.conversation(b"\r\n", eof=True), [CONNECTION_CLOSED])
        self.assertEqual(self.conversation(GET, eof=True)[-1], CONNECTION_CLOSED)

    def test_within_one_it_is_a_fault(self) -> None:
        for data in (
            b"G",
            GET[:-1],
            GET + b"GET",
            POST,
            POST + b"12345",
            CHUNKED,
            CHUNKED + b"5",
            CHUNKED + b"5\r\nhello",
            CHUNKED + b"5\r\nhello\r\n0\r\n",
            CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n",
        ):
            with self.subTest(data=data):
                self.assertEqual(self.conversation(data, eof=True)[-1], Refused(400, CODES[400]))

    def test_what_came_before_it_is_still_answered(self) -> None:
        connection = Connection()
        connection.receive_data(GET)
        connection.receive_data(b"")
        self.assertIsInstance(connection.next_event(), Request)
        self.assertEqual(connection.next_event(), EndOfMessage())
        self.assertIs(connection.next_event(), NEED_DATA)
        connection.start_next_request()
        self.assertIs(connection.next_event(), CONNECTION_CLOSED)


class PassingTest(unittest.TestCase):
    """Body bytes go by without a copy; what a borrowed buffer holds is copied where it is kept."""

    def data(self, connection: Connection) -> bytes | memoryview:
        event = connection.next_event()
        assert isinstance(event, Data), event
        return event.data

    def test_a_body_received_alone_is_the_received_object(self) -> None:
        connection = connection_in(State.BODY)
        for piece in (b"123", memoryview(bytearray(b"456"))):
            connection.receive_data(piece)
            self.assertEqual(connection.buffered, 3)
            self.assertIs(self.data(connection), piece)
            self.assertEqual(connection.buffered, 0)
        self.assertEqual(connection.next_event(), EndOfMessage())

    def test_a_body_between_two_heads_is_a_view(self) -> None:
        connection = Connection()
        received = POST + b"123456" + GET
        connection.receive_data(received)
        connection.next_event()
        data = self.data(connection)
        assert isinstance(data, memoryview)
        self.assertIs(data.obj, received)
        self.assertEqual(data, b"123456")

    def test_large_chunks_are_views(self) -> None:
        connection = connection_in(State.CHUNKED)
        received = b"4e20\r\n" + bytes(20_000) + b"\r\n"
        connection.receive_data(received)
        data = self.data(connection)
        assert isinstance(data, memoryview)
        self.assertIs(data.obj, received)

    def test_pieces_that_nobody_asked_for_are_joined(self) -> None:
        connection = connection_in(State.BODY)
        for piece in (b"1", b"23", b"4"):
            connection.receive_data(piece)
        self.assertEqual(connection.buffered, 4)
        self.assertEqual(bytes(self.data(connection)), b"1234")
        self.assertIs(connection.next_event(), NEED_DATA)
        connection.receive_data(b"56" + GET)
        self.assertEqual(bytes(self.data(connection)), b"56")
        self.assertEqual(connection.next_event(), EndOfMessage())

    def test_what_is_used_up_is_let_go(self) -> None:
        for received in (
            CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
            POST + b"123456",
            head(b"X: " + b"y" * 2000),
        ):
            connection = Connection()
            before = sys.getrefcount(received)
            connection.receive_data(received)
            while connection.next_event() is not NEED_DATA:
                pass
            connection.start_next_request()
            with self.subTest(size=len(received)):
                self.assertEqual(sys.getrefcount(received), before)

    def test_a_borrowed_buffer_is_copied_where_it_is_kept(self) -> None:
        for state, kept in ((State.DONE, GET), (State.BODY, b"123456" + GET)):
            connection = connection_in(state)
            lent = bytearray(kept)
            connection.receive_data(memoryview(lent))
            lent[:] = bytes(len(lent))
            with self.subTest(state=state):
                if state is State.BODY:
                    self.assertEqual(bytes(self.data(connection)), b"123456")
                    self.assertEqual(connection.next_event(), EndOfMessage())
                connection.start_next_request()
                self.assertIsInstance(connection.next_event(), Request)

    def test_given_data_stays_while_more_arrives(self) -> None:
        connection = Connection()
        connection.receive_data(POST[:20])
        connection.next_event()
        connection.receive_data(POST[20:] + b"123")
        connection.next_event()
        given = self.data(connection)
        connection.receive_data(b"456")
        self.assertEqual((bytes(given), bytes(self.data(connection))), (b"123", b"456"))


if __name__ == "__main__":
    unittest.main()
