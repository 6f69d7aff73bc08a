const say = {
  none: "没有匹配的名称。", count: (n, all) => `${n} / ${all}`, back: "上一个", next: "下一个", save: "下载",
  open: "在新标签页打开", close: "关闭", cancel: "取消", empty: "这个文件是空的。", failed: why => `无法显示：${why}`,
  unplayable: "浏览器无法显示这个文件，可以下载。", part: (a, b) => `只显示前 ${a}，共 ${b}。`,
  viewer: "查看文件", choose: name => `选择 ${name}`, chooseAll: "全选", chosen: "对所选项目",
  picked: n => `已选 ${n} 项`, help: "快捷键", space: "空格", gone: "服务器没有应答。",
  keys: {
    filter: "筛选", walk: "上下移动", open: "打开", up: "上级文件夹", choose: "选择", all: "全选",
    none: "取消选择", turn: "上一个、下一个文件",
  },
  status: {
    400: "服务器不接受这个名称。", 401: "请重新加载页面并登录。", 403: "不允许这样做。",
    404: "不存在，或者是隐藏的名称。", 405: "不允许这样做。", 409: "名称已被占用。",
    412: "名称已被占用。", 413: "超过服务器允许的大小。", 507: "服务器磁盘已满。",
    500: "服务器没能完成。",
  },
  up: {
    files: "上传文件", folder: "上传文件夹", into: name => `松开即可上传到“${name}”`, uploads: "上传",
    all: "全部上传", saved: name => `${name} 已上传`, count: (n, all) => `已上传 ${n} / ${all}`,
    of: (a, b) => `${a} / ${b}`, s: n => `剩余 ${n} 秒`, min: n => `剩余 ${n} 分钟`, h: (h, m) => `剩余 ${h} 小时 ${m} 分钟`,
    taken: "名称已被占用。", folderThere: "已有同名文件夹。", unreadable: "无法读取，请重新选择或拖入。",
    rename: "两者都保留", replace: "替换", skip: "跳过", forAll: "全部如此", choose: "选择文件",
    other: "不是同一个文件，或者文件已改变。", cancel: "取消", retry: "重试", resume: "继续",
    pause: "暂停", now: "立即", again: n => `没有应答，${n} 秒后重试`, paused: "已暂停",
    lost: "重新选择或拖入同一个文件即可继续", waiting: "等待中", done: "已上传", pauseAll: "全部暂停",
    resumeAll: "全部继续", cancelAll: "全部取消",
  },
  change: {
    make: "新建文件夹", makeIt: "新建", folderName: "文件夹名称", rename: "重命名", renameIt: "重命名",
    newName: "新名称", move: n => `移动 ${n} 项`, moveIt: "移动", to: "到文件夹", noName: "这不是一个名称。",
    remove: n => (n > 1 ? `删除这 ${n} 项？` : "删除它？"), removeIt: "删除", more: n => `还有 ${n} 项`,
    withAll: "文件夹连同其中的一切都会被删除，无法恢复。", forGood: "删除后无法恢复。",
  },
};
