# The course notes name this program (S2:123) and say what it takes (S4:92-97); written as they write.
from socket import *
import sys

# 从命令行传入ip和端口
HOST = sys.argv[1]
PORT = int(sys.argv[2])

# 创建数据报套接字
sockfd = socket(AF_INET,SOCK_DGRAM)

# 设置可以发送接收广播
sockfd.setsockopt(SOL_SOCKET,SO_BROADCAST,1)
# 端口可以重用
sockfd.setsockopt(SOL_SOCKET,SO_REUSEADDR,1)

# 绑定地址
sockfd.bind((HOST,PORT))
print('bound : %d'%sockfd.getsockname()[1])

# 接收消息
data,addr = sockfd.recvfrom(1024)
print('Receive from %s : %s'%(addr,data.decode()))

# 发送消息
sockfd.sendto('收到你的消息'.encode(),addr)

# 关闭套接字
sockfd.close()
