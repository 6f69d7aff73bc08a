# The sender to broadcast_recv.py, after S0:180-183 and S4:92-97 of the course notes; written as they write.
from socket import *
import sys

# 目标地址：广播地址，每个网段内最大的地址
HOST = sys.argv[1]
PORT = int(sys.argv[2])
DEST = (HOST,PORT)

# 创建数据报套接字
sockfd = socket(AF_INET,SOCK_DGRAM)

# 设置可以发送接收广播
sockfd.setsockopt(SOL_SOCKET,SO_BROADCAST,1)

while True:
    data = input('消息：')
    if not data:
        break
    # 一点发送多点接收
    sockfd.sendto(data.encode(),DEST)
    data,addr = sockfd.recvfrom(1024)
    print('从',addr,'收到：',data.decode())
sockfd.close()
