#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A download that writes down when and how it ended.

Prints "began INSTANT" with the first byte of the body, then "ended HOW INSTANT BYTES LAST": HOW is
reset, closed, silent (no byte for --patience seconds) or unreachable, LAST the instant of the last
byte, all instants in seconds since 1970.
"""
import argparse
import socket
import ssl
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--address", help="connect there in place of what the name resolves to")
    parser.add_argument("--source", help="the client's own address")
    parser.add_argument("--plain", action="store_true", help="HTTP on port 80")
    parser.add_argument("--six", action="store_true", help="IPv6")
    parser.add_argument("--patience", type=float, default=5.0)
    return parser.parse_args()


def connect(options):
    port = 80 if options.plain else 443
    family = socket.AF_INET6 if options.six else socket.AF_INET
    where = socket.getaddrinfo(options.address or options.name, port, family, socket.SOCK_STREAM)
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(options.patience)
    if options.source:
        connection.bind((options.source, 0))
    connection.connect(where[0][4])
    if options.plain:
        return connection
    context = ssl.create_default_context(cafile=options.ca)
    return context.wrap_socket(connection, server_hostname=options.name)


def receive(connection, state):
    while True:
        received = connection.recv(65536)
        if not received:
            return "closed"
        if state["bytes"] == 0:
            print(f"began {time.time():.6f}", flush=True)
        state["bytes"] += len(received)
        state["last"] = time.time()


def outcome(error):
    if isinstance(error, TimeoutError):
        return "silent"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    if isinstance(error, ssl.SSLEOFError):
        return "closed"
    return "unreachable"


def main():
    options = arguments()
    state = {"bytes": 0, "last": 0.0}
    try:
        connection = connect(options)
        connection.sendall(f"GET /slow HTTP/1.1\r\nHost: {options.name}\r\n\r\n".encode())
        how = receive(connection, state)
    except OSError as error:
        how = outcome(error)
    print(f"ended {how} {time.time():.6f} {state['bytes']} {state['last']:.6f}", flush=True)


main()
