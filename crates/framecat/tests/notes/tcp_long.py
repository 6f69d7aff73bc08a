# The loop that the course notes call a long connection, S3:185-194: tcp_long.py HOST PORT. The loop is as it stands
# there, but for the size that recv must be given: it closes after each exchange, so every message needs a connection.
# Given port 0 it prints the port that it got first. It runs until it is killed.
import sys
from socket import *

HOST = sys.argv[1]
PORT = int(sys.argv[2])

server = socket()
server.bind((HOST, PORT))
server.listen(5)
if PORT == 0:
    print(server.getsockname()[1], flush=True)

while True:
    conn, addr = server.accept()   # 进行三次握手, 接收客户端消息

    data = conn.recv(1024)

    conn.send(b"200")

    conn.close()
