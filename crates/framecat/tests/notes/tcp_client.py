# The TCP client of the course notes, S3:69-102, step by step: tcp_client.py HOST PORT. A line of stdin is a message,
# sent without its ending; an empty line or the end of stdin ends it.
import sys
from socket import *

HOST = sys.argv[1]
PORT = int(sys.argv[2])

# S3:70, step 1: a stream socket.
client = socket(AF_INET, SOCK_STREAM, 0)

# S3:82, step 2: connect; the three-way handshake (S3:110).
client.connect((HOST, PORT))

# S3:88, step 3: the client sends first, then receives (S3:108).
for line in sys.stdin:
    message = line.rstrip('\n')
    if not message:
        break
    client.send(message.encode())
    data = client.recv(1024)
    if not data:
        break
    print(data.decode(), flush=True)

# S3:99, step 4: close.
client.close()
