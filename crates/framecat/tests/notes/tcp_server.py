# The TCP server of the course notes, S3:16-66, step by step: tcp_server.py HOST PORT. It answers every recv of one
# client until that client ends. Given port 0 it prints the port that it got first.
import sys
from socket import *

HOST = sys.argv[1]
PORT = int(sys.argv[2])

# S3:17, step 1: a stream socket.
server = socket(AF_INET, SOCK_STREAM, 0)

# S3:29, step 2: address and port, as one tuple.
server.bind((HOST, PORT))

# S3:35, step 3: listen.
server.listen(5)
if PORT == 0:
    print(server.getsockname()[1], flush=True)

# S3:41, step 4: wait for a client; a new socket is its own.
conn, addr = server.accept()

# S3:46, step 5: receive and send. S0:3: recv gives an empty string once the client has ended.
while True:
    data = conn.recv(1024)
    if not data:
        break
    print('Receive from %s : %s' % (addr, data.decode()), flush=True)
    conn.send('收到你的消息'.encode())

# S3:60, step 6: close the conversation, then the listening socket.
conn.close()
server.close()
