#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""datagrams.py echo PORT: sends each datagram back.
datagrams.py stream ADDRESS PORT: sends one each 10 ms until an error comes, and says how it ended.
"""
import errno
import socket
import sys
import time


def echo(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    # An answer leaves from the address that was asked.
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    server.bind(("::", port))
    print("ready", flush=True)
    while True:
        try:
            data, ancillary, _, client = server.recvmsg(2048, 256)
            server.sendmsg([data], ancillary, 0, client)
        except OSError as error:
            print("error", errno.errorcode[error.errno], time.time(), flush=True)


def stream(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.connect((address, port))
    client.settimeout(0.01)
    last = 0.0
    for number in range(100000):
        try:
            client.send(b"%d" % number)
            client.recv(2048)
            if not last:
                print("begun", time.time(), flush=True)
            last = time.time()
            time.sleep(0.01)
        except socket.timeout:
            pass
        except OSError as error:
            print("ended", errno.errorcode[error.errno], last, time.time(), flush=True)
            return


if sys.argv[1] == "echo":
    echo(int(sys.argv[2]))
else:
    stream(sys.argv[2], int(sys.argv[3]))
